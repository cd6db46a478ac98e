// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

var learners atomic.Int32

const password = "no secret"

// settle waits until the cluster can take another change of its members: 3.4 forgets a change that comes right after another.
func settle() {
	if strings.HasPrefix(cluster.Member(0).Version(), "v3.4.") {
		time.Sleep(50 * time.Millisecond)
	}
}

var memberPrograms = []program{
	{"members", "Cluster Cluster.MemberList Cluster.MemberAdd Cluster.MemberRemove Member", func(p *play) {
		list := func(opts ...clientv3.OpOption) []string {
			answer, err := p.cli.MemberList(p, opts...)
			p.say("members: %s", told(err))
			var all []string
			for _, m := range answer.Members {
				all = append(all, fmt.Sprintf("%d %s %q %q %t", m.ID, m.Name, m.PeerURLs, m.ClientURLs, m.IsLearner))
			}
			return all
		}
		listed := list()
		p.say("%q", listed)
		p.say("%q", list(clientv3.WithSerializable()))
		_, err := p.cli.MemberAddAsLearner(p, []string{"no URL"})
		p.tell("no URL", nil, err)
		_, err = p.cli.MemberAdd(p, []string{"no URL"})
		p.tell("no URL", nil, err)
		// The ID of a member is made of its URLs and the second, and an ID that was removed is refused.
		url := fmt.Sprintf("http://127.0.0.1:%d", learners.Add(1))
		settle()
		added := must(p.cli.MemberAddAsLearner(p, []string{url}))
		p.say("added: learner %t of %d members", added.Member.IsLearner, len(added.Members))
		settle()
		_, err = p.cli.MemberAddAsLearner(p, []string{url})
		p.tell("again", nil, err)
		settle()
		_, err = p.cli.MemberPromote(p, added.Member.ID)
		p.tell("promoted", nil, err)
		// Not the learner: an update makes a voter of it in 3.4, and nothing has a majority then.
		voter := must(p.cli.Status(p, cluster.Endpoints()[0])).Header.MemberId
		at := func(m *etcdserverpb.Member) bool { return m.ID == voter }
		before := added.Members[slices.IndexFunc(added.Members, at)].PeerURLs
		for _, urls := range [][]string{{url + "0", before[0]}, before} {
			settle()
			all := must(p.cli.MemberUpdate(p, voter, urls)).Members
			p.say("updated: %d URLs, %t", len(urls), slices.Contains(all[slices.IndexFunc(all, at)].PeerURLs, urls[0]))
		}
		settle()
		removed := must(p.cli.MemberRemove(p, added.Member.ID))
		p.say("removed: %d members", len(removed.Members))
		settle()
		_, err = p.cli.MemberRemove(p, 404)
		p.tell("no member", nil, err)
		settle()
		_, err = p.cli.MemberUpdate(p, 404, []string{"http://127.0.0.1:1"})
		p.tell("no member", nil, err)
		p.say("%t", fmt.Sprint(listed) == fmt.Sprint(list()))
	}},
	{"maintenance", `Maintenance Maintenance.AlarmList Maintenance.AlarmDisarm Maintenance.Defragment Maintenance.Snapshot
		Maintenance.MoveLeader Maintenance.Downgrade`, func(p *play) {
		endpoint := cluster.Endpoints()[0]
		alarms, err := p.cli.AlarmList(p)
		p.tell("alarms", alarms, err)
		alarms, err = p.cli.AlarmDisarm(p, &clientv3.AlarmMember{})
		p.tell("disarmed", alarms, err)
		for _, at := range []string{endpoint, "http://" + endpoint} {
			status, err := p.cli.Status(p, at)
			p.say("status: %s %t at +%d, %s", status.Version, status.Leader == status.Header.MemberId, status.Header.Revision-p.rev, told(err))
			hash, err := p.cli.HashKV(p, at, 0)
			p.say("hash: %t at +%d, %s", hash.Hash != 0, hash.HashRevision-p.rev, told(err))
			defragmented, err := p.cli.Defragment(p, at)
			p.say("defragmented: %t %s", defragmented != nil, told(err))
		}
		snapshot, err := p.cli.SnapshotWithVersion(p)
		if err != nil {
			p.tell("snapshot", nil, err)
			return
		}
		size, err := io.Copy(io.Discard, snapshot.Snapshot)
		p.say("snapshot: version %q, %t, %s", snapshot.Version, size > 4096, told(err))
		p.tell("closed", nil, snapshot.Snapshot.Close())
		members := must(p.cli.MemberList(p))
		moved, err := p.cli.MoveLeader(p, members.Members[0].ID)
		p.say("moved to itself: %t %s", moved != nil, told(err))
		_, err = p.cli.MoveLeader(p, 404)
		p.tell("moved to nobody", nil, err)
		_, err = p.cli.Downgrade(p, clientv3.DowngradeCancel, "")
		p.tell("downgrade", nil, err)
		_, err = p.cli.Downgrade(p, clientv3.DowngradeValidate, "9.9.9")
		p.tell("downgrade", nil, err)
		_, err = p.cli.Downgrade(p, 99, "")
		p.tell("downgrade", nil, err)
	}},
	{"users and roles", `Auth Auth.AuthStatus Auth.UserAdd Auth.UserDelete Auth.UserGrantRole Auth.RoleAdd Auth.RoleGrantPermission
		Permission`, func(p *play) {
		if status, err := p.cli.AuthStatus(p); err != nil {
			p.tell("status", nil, err)
		} else {
			p.say("enabled: %t", status.Enabled)
		}
		_, err := p.cli.AuthEnable(p)
		p.tell("enable", nil, err)
		_, err = p.cli.Authenticate(p, "u", password)
		p.tell("authenticate", nil, err)
		do := func(what string, f func() error) {
			p.tell(what, nil, f())
			p.tell(what+" again", nil, f())
		}
		do("add", func() error { _, err := p.cli.UserAdd(p, "u", password); return err })
		do("add without password", func() error {
			_, err := p.cli.UserAddWithOptions(p, "n", "", &clientv3.UserAddOptions{NoPassword: true})
			return err
		})
		do("password", func() error { _, err := p.cli.UserChangePassword(p, "u", strings.ToUpper(password)); return err })
		do("role", func() error { _, err := p.cli.RoleAdd(p, "r"); return err })
		for _, kind := range []string{"READ", "write", "ReadWrite", "none"} {
			allowed, err := clientv3.StrToPermissionType(kind)
			p.tell("kind", allowed, err)
			_, err = p.cli.RoleGrantPermission(p, "r", kind, kind+"0", allowed)
			p.tell("allow "+kind, nil, err)
		}
		do("grant", func() error { _, err := p.cli.UserGrantRole(p, "u", "r"); return err })
		user, err := p.cli.UserGet(p, "u")
		p.tell("user", user, err)
		role, err := p.cli.RoleGet(p, "r")
		p.tell("role", role, err)
		users, err := p.cli.UserList(p)
		p.tell("users", users, err)
		roles, err := p.cli.RoleList(p)
		p.tell("roles", roles, err)
		do("forbid", func() error { _, err := p.cli.RoleRevokePermission(p, "r", "READ", "READ0"); return err })
		do("take", func() error { _, err := p.cli.UserRevokeRole(p, "u", "r"); return err })
		do("delete role", func() error { _, err := p.cli.RoleDelete(p, "r"); return err })
		for _, name := range []string{"u", "n"} {
			do("delete", func() error { _, err := p.cli.UserDelete(p, name); return err })
		}
		_, err = p.cli.AuthDisable(p)
		p.tell("disable", nil, err)
	}},
}
