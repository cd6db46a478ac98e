// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/maintenance"
)

func TestAlarmOfAFullDatabaseLastsUntilItIsDisarmed(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithFlags("--quota-backend-bytes=1048576"))
	id := cluster.Member(0).ID()
	c := open(t, cluster.Endpoints()...)
	list := func() []pb.AlarmType {
		t.Helper()
		response, err := maintenance.AlarmList(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return kinds(t, response, id)
	}
	fill := func() error {
		for {
			if _, err := kv.Put(t.Context(), c.WithKey("k").WithValue(strings.Repeat("v", 100<<10))); err != nil {
				return err
			}
		}
	}
	empty := func() {
		t.Helper()
		deleted, err := kv.Delete(t.Context(), c.WithKey("k"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kv.Compact(t.Context(), c.WithRev(deleted.GetHeader().GetRevision()).WithPhysical()); err != nil {
			t.Fatal(err)
		}
		if _, err := maintenance.Defragment(t.Context(), c.WithEndpoint(cluster.Endpoints()[0])); err != nil {
			t.Fatal(err)
		}
	}
	noSpace := []pb.AlarmType{pb.AlarmType_NOSPACE}
	small := c.WithKey("small").WithValue("v")

	if on := list(); len(on) != 0 {
		t.Fatalf("alarms %v of a new member", on)
	}
	wantFailure(t, fill(), etcderr.Rejected, etcderr.ErrNoSpace)
	if on := list(); !slices.Equal(on, noSpace) {
		t.Fatalf("alarms %v, want %v", on, noSpace)
	}
	status, err := maintenance.Status(t.Context(), c.WithEndpoint(cluster.Endpoints()[0]))
	if err != nil || !strings.Contains(strings.Join(status.GetErrors(), ";"), "NOSPACE") {
		t.Errorf("Status does not tell of the alarm: %v, %v", status, err)
	}
	empty()
	_, err = kv.Put(t.Context(), small)
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrNoSpace)

	for name, other := range map[string]call{
		"another alarm": alarmDisarm(id, pb.AlarmType_CORRUPT), "another member's": alarmDisarm(id+1, pb.AlarmType_NOSPACE),
	} {
		if err := other(t.Context(), c); err != nil || !slices.Equal(list(), noSpace) {
			t.Errorf("after %s was disarmed: %v, %v", name, list(), err)
		}
	}
	off, err := maintenance.AlarmDisarm(t.Context(), c, id, pb.AlarmType_NOSPACE)
	if err != nil {
		t.Fatal(err)
	}
	if was := kinds(t, off, id); !slices.Equal(was, noSpace) || len(list()) != 0 {
		t.Errorf("disarmed %v, %v are on", was, list())
	}
	if _, err := kv.Put(t.Context(), small); err != nil {
		t.Errorf("a put after the alarm: %v", err)
	}

	// If there is no more room, the alarm is back with the next put.
	wantFailure(t, fill(), etcderr.Rejected, etcderr.ErrNoSpace)
	if all, err := maintenance.AlarmDisarmAll(t.Context(), c); err != nil || !slices.Equal(kinds(t, all, id), noSpace) {
		t.Errorf("AlarmDisarmAll: %v, %v", all, err)
	}
	wantFailure(t, fill(), etcderr.Rejected, etcderr.ErrNoSpace)
	empty()
	if all, err := maintenance.AlarmDisarmAll(t.Context(), c.WithTimeout(timeout)); err != nil || !slices.Equal(kinds(t, all, id), noSpace) {
		t.Errorf("AlarmDisarmAll: %v, %v", all, err)
	}
	if _, err := kv.Put(t.Context(), small); err != nil || len(list()) != 0 {
		t.Errorf("a put after all alarms: %v; %v are on", err, list())
	}
	if all, err := maintenance.AlarmDisarmAll(t.Context(), c); err != nil || len(all.GetAlarms()) != 0 {
		t.Errorf("AlarmDisarmAll of none: %v, %v", all, err)
	}
}

// kinds returns the alarms of a response, which must all belong to one member.
func kinds(t *testing.T, response *pb.AlarmResponse, member uint64) (kinds []pb.AlarmType) {
	t.Helper()
	for _, a := range response.GetAlarms() {
		if a.GetMemberID() != member {
			t.Errorf("an alarm of another member: %v", a)
		}
		kinds = append(kinds, a.GetAlarm())
	}
	return kinds
}
