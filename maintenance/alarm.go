// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// AlarmList lists the active alarms: NOSPACE if a member's database has reached its quota, CORRUPT if a member's data
// differs from the others'. It calls Maintenance/Alarm.
func AlarmList(parent context.Context, c Request) (*pb.AlarmResponse, error) {
	return alarm(parent, c, "an alarm list request", &pb.AlarmRequest{Action: pb.AlarmRequest_GET})
}

// AlarmDisarm turns one alarm of one member off. It does not mend the cause: a member that is still over its quota
// raises the alarm again. The response lists the alarm if it was on. An unknown kind of alarm, or NONE, is
// kv.ErrInvalid. It calls Maintenance/Alarm.
func AlarmDisarm(parent context.Context, c Request, memberID uint64, kind pb.AlarmType) (*pb.AlarmResponse, error) {
	if _, known := pb.AlarmType_name[int32(kind)]; !known || kind == pb.AlarmType_NONE {
		return nil, render.AlsoInvalid(render.Check(c, disarm, 0), "maintenance: "+kind.String()+" is no alarm, in "+disarm)
	}
	return turnOff(parent, c, memberID, kind)
}

// AlarmDisarmAll turns all active alarms off. The response lists them. After an error some may be off. It calls
// Maintenance/Alarm once for the list and once for each alarm, and WithTimeout limits all of them together.
func AlarmDisarmAll(parent context.Context, c Request) (*pb.AlarmResponse, error) {
	parent, cancel := within(parent, c)
	defer cancel()
	list, err := alarm(parent, c, disarm, &pb.AlarmRequest{Action: pb.AlarmRequest_GET})
	if err != nil {
		return nil, err
	}
	all := &pb.AlarmResponse{Header: list.GetHeader()}
	for _, on := range list.GetAlarms() {
		off, err := turnOff(parent, c, on.GetMemberID(), on.GetAlarm())
		if err != nil {
			return nil, err
		}
		all.Header = off.GetHeader()
		all.Alarms = append(all.Alarms, off.GetAlarms()...)
	}
	return all, nil
}

const disarm = "an alarm disarm request"

func turnOff(parent context.Context, c ctx.Ctx, memberID uint64, kind pb.AlarmType) (*pb.AlarmResponse, error) {
	return alarm(parent, c, disarm, &pb.AlarmRequest{Action: pb.AlarmRequest_DEACTIVATE, MemberID: memberID, Alarm: kind})
}

func alarm(parent context.Context, c ctx.Ctx, what string, request *pb.AlarmRequest) (*pb.AlarmResponse, error) {
	if err := render.Check(c, what, 0); err != nil {
		return nil, err
	}
	return wire.Maintenance.Alarm.Call(parent, c, request)
}
