// SPDX-License-Identifier: Apache-2.0

package table

import (
	"testing"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// A follower that has caught up by a snapshot answers with the raft term of before, so a term says nothing.
func TestAnswerOfALowerRevisionOrAnotherClusterIsOfAnotherHistory(t *testing.T) {
	at := place{rev: 10, cluster: 1}
	for _, c := range []struct {
		header *pb.ResponseHeader
		want   bool
	}{
		{&pb.ResponseHeader{ClusterId: 1, Revision: 10, RaftTerm: 1}, true},
		{&pb.ResponseHeader{ClusterId: 1, Revision: 11}, true},
		{&pb.ResponseHeader{Revision: 11}, true}, // a server that names no cluster
		{&pb.ResponseHeader{ClusterId: 1, Revision: 9, RaftTerm: 9}, false},
		{&pb.ResponseHeader{ClusterId: 2, Revision: 11}, false},
	} {
		if got := at.precedes(c.header); got != c.want {
			t.Errorf("%v: %v, want %v", c.header, got, c.want)
		}
	}
}

func TestReaderForgetsAKeyThatCameAndWentUnseen(t *testing.T) {
	c := newReplica[string]()
	r, _ := c.enter()
	there := &record[string]{entry: Entry[string]{Key: "k"}, shown: true}
	gone := &record[string]{entry: Entry[string]{Key: "k"}, gone: true}
	r.note("k", nil, there)
	r.note("k", there, gone)
	if len(r.since.told) > 0 {
		t.Errorf("the reader keeps %v", r.since.told)
	}
	r.note("k", there, gone)
	r.note("k", gone, there)
	if len(r.since.told) != 1 || r.since.told["k"] != there {
		t.Errorf("the reader keeps %v", r.since.told)
	}
}
