// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

func TestRestoredClusterHasTheDataAndRevisionOfTheCopy(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 3} {
		t.Run(fmt.Sprintf("size %d", size), func(t *testing.T) {
			c := Start(t, WithSize(size), WithProxy())
			g := clientOf(c, c.Member(0))
			mustPut(t, g, "k", "saved")
			before := headerOf(t, c.Member(0))
			d := c.SaveData()
			for _, m := range c.Members() {
				if !m.answering() {
					t.Errorf("%s does not run after the copy", m.Name())
				}
			}
			for range 2 { // one copy serves many times
				mustPut(t, g, "k", "lost")
				mustPut(t, g, "k", "lost too")
				c.RestoreData(d)
				mustGet(t, clientOf(c, c.Member(0)), "k", "saved")
				after := headerOf(t, c.Member(0))
				if after.GetClusterId() != before.GetClusterId() || after.GetMemberId() != c.Member(0).ID() ||
					after.GetMemberId() != before.GetMemberId() || after.GetRevision() != before.GetRevision() {
					t.Errorf("restored: %v; was %v when the copy was made", after, before)
				}
			}
		})
	}
}

func TestMembersThatAreDownAreSavedAndRestoredToo(t *testing.T) {
	t.Parallel()
	c := Start(t)
	mustPut(t, clientOf(c, c.Member(0)), "k", "saved")
	c.Member(0).Kill()
	d := c.SaveData()
	if c.Member(0).Alive() {
		t.Error("the copy started the member")
	}
	c.Member(0).Restart()
	mustPut(t, clientOf(c, c.Member(0)), "k", "lost")
	c.Member(0).Pause()
	c.RestoreData(d)
	mustGet(t, clientOf(c, c.Member(0)), "k", "saved")
}

func TestWipedClusterIsEmptyUnderTheSameIDs(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 3} {
		t.Run(fmt.Sprintf("size %d", size), func(t *testing.T) {
			c := Start(t, WithSize(size))
			mustPut(t, clientOf(c, c.Member(0)), "k", "v")
			before := headerOf(t, c.Member(0))
			c.Wipe()
			after := headerOf(t, c.Member(0))
			if after.GetRevision() != 1 || after.GetClusterId() != before.GetClusterId() ||
				after.GetMemberId() != before.GetMemberId() || after.GetMemberId() != c.Member(0).ID() {
				t.Errorf("wiped: %v; was %v", after, before)
			}
			mustGet(t, clientOf(c, c.Member(0)), "k", "")
		})
	}
}

func TestReplacedClusterIsAnotherOneAtTheSameAddresses(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 3} {
		t.Run(fmt.Sprintf("size %d", size), func(t *testing.T) {
			c := Start(t, WithSize(size))
			mustPut(t, clientOf(c, c.Member(0)), "k", "v")
			d := c.SaveData()
			seen := map[uint64]bool{}
			seen[headerOf(t, c.Member(0)).GetClusterId()] = true
			original := headerOf(t, c.Member(0))
			for range 2 {
				c.Replace()
				after := headerOf(t, c.Member(0))
				if seen[after.GetClusterId()] || after.GetRevision() != 1 || after.GetMemberId() != c.Member(0).ID() ||
					after.GetMemberId() == original.GetMemberId() {
					t.Errorf("replaced: %v; member %x; there were clusters %v", after, c.Member(0).ID(), seen)
				}
				seen[after.GetClusterId()] = true
			}
			c.RestoreData(d)
			mustGet(t, clientOf(c, c.Member(0)), "k", "v")
			if after := headerOf(t, c.Member(0)); after.GetClusterId() != original.GetClusterId() || c.Member(0).ID() != original.GetMemberId() {
				t.Errorf("restored: %v; was %v", after, original)
			}
		})
	}
}

func TestWipedClusterOfMembersThatJoinedStartsWithAllOfThem(t *testing.T) {
	t.Parallel()
	c, err := Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d := c.SaveData()
	m := c.NewMember()
	add := map[string]any{"peerURLs": []string{m.PeerURL()}}
	if err := clientOf(c, c.Member(0)).call(5*time.Second, "/v3/cluster/member/add", add, &struct{}{}); err != nil {
		t.Fatal(err)
	}
	m.Join()
	mustPut(t, clientOf(c, m), "k", "v")
	c.Wipe()
	mustGet(t, clientOf(c, m), "k", "")
	mustPut(t, clientOf(c, m), "k", "v")
	list, err := pb.NewClusterClient(dialGRPC(t, m.Endpoint(), nil).cc).MemberList(t.Context(), &pb.MemberListRequest{})
	if err != nil || len(list.GetMembers()) != 2 {
		t.Errorf("members after Wipe: %v, %v", list.GetMembers(), err)
	}
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	c.RestoreData(d)
	mustGet(t, clientOf(c, m), "k", "v")
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "m1 has joined since") {
		t.Errorf("Err() = %v after a restore without one of the members", err)
	}
}

func TestMissingDataIsAFailure(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Cluster){
		"SaveData":    func(c *Cluster) { _ = c.SaveData() },
		"RestoreData": func(c *Cluster) { c.RestoreData(nil) },
		"Wipe":        (*Cluster).Wipe,
		"Replace":     (*Cluster).Replace,
	} {
		c, err := Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.Member(0).Kill()
		if err := os.RemoveAll(c.Member(0).dataDir()); err != nil {
			t.Fatal(err)
		}
		change(c)
		if err := c.Close(); err == nil || !strings.Contains(err.Error(), name+": ") {
			t.Errorf("Close() = %v, want the failure of %s", err, name)
		}
	}
}
