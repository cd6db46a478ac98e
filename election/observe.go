// SPDX-License-Identifier: Apache-2.0

package election

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Observer tells who leads an election. It has one reader at a time. Close and Status are safe for concurrent use.
//
// It follows the keys of the candidates. The RPC Election/Observe would miss values that are proclaimed in quick succession,
// report no vacancy, and not resume on another member.
type Observer struct {
	candidacies *follow.Follower
	reading     atomic.Bool

	// What follows is the reader's.
	candidates map[string]*mvccpb.KeyValue
	told       bool // something has been told
	leader     *mvccpb.KeyValue
	pending    []*v3electionpb.LeaderResponse // to be told
}

// Observe begins to observe the election of WithName, and returns at once. The observer lives until parent ends or Close is called.
// WithTimeout bounds each of its requests. The user needs permission to read the keys below the name. It calls KV/Range and
// Watch/Watch.
func Observe(parent context.Context, c Request) (*Observer, error) {
	_, err := render.Leader(c)
	if err = named(parent, c, err); err != nil {
		return nil, err
	}
	keys := New(sealed.Ctx(c).Conn()).WithKey(sealed.Ctx(c).Name() + "/").WithPrefix()
	if endpoint, ok := sealed.Ctx(c).Endpoint(); ok {
		keys = keys.WithEndpoint(endpoint)
	}
	if timeout, ok := sealed.Ctx(c).Timeout(); ok {
		keys = keys.WithTimeout(timeout)
	}
	o := &Observer{candidates: map[string]*mvccpb.KeyValue{}}
	if o.candidacies, err = follow.New(parent, follow.Spec{Request: keys, Known: o.known}); err != nil {
		return nil, err
	}
	return o, nil
}

// Status is where an observer stands. See [Observer.Status].
type Status struct {
	// InStep says that the candidates are known and their watch is on a server, so changes arrive within moments. Otherwise the
	// newest response is as old as Since, or somewhat older: a member that fell silent is noticed after a second or two.
	InStep bool
	Since  time.Time // since when InStep has its value
	Err    error     // why the observer is not in step; nil while InStep, and before something has failed
}

// Status returns where the observer stands. An observer is not in step before its first loop. Status never blocks on the network
// and is safe for concurrent use.
func (o *Observer) Status() Status {
	s := o.candidacies.Status()
	return Status{InStep: s.InStep, Since: s.Since, Err: s.Err}
}

// Close ends the observer, and a loop over it. It returns nil, also when it is called again.
func (o *Observer) Close() error {
	o.candidacies.Close()
	return nil
}

var errInUse = errors.New("election: another reader is at work")

// All returns the current leader, and then each new leader and each new value that a leader proclaims, in order and once. A
// response whose Kv is nil says that nobody leads; eetcd calls it election_no_leader.
//
// The loop continues through the loss of members. It skips changes in two cases: a compaction removed them from the history before
// they could be read, or the store went back to an earlier state. Then it tells the current leader, if that is another one or
// proclaims another value. [Observer.Status] says whether the newest response may be out of date.
//
// An error before the first response ends the loop, and the next loop tries again. After that, the loop ends with the observer:
// with the error of parent, conn.ErrClosed or a rejection such as etcderr.ErrPermissionDenied, and without an error after Close.
// If you leave the loop, the observer stays open, and the next loop continues there.
func (o *Observer) All() iter.Seq2[*v3electionpb.LeaderResponse, error] {
	return func(yield func(*v3electionpb.LeaderResponse, error) bool) {
		if !o.reading.CompareAndSwap(false, true) {
			yield(nil, errInUse)
			return
		}
		defer o.reading.Store(false)
		if !o.flush(yield) {
			return
		}
		for step, err := range o.candidacies.Steps() {
			if err != nil {
				if o.told && !claim.Final(err) && o.candidacies.Err() == nil {
					continue // the observer has begun, and this passes
				}
				yield(nil, err)
				return
			}
			o.take(step)
			o.candidacies.Shown() // a loop may stay with a response for long
			if !o.flush(yield) {
				return
			}
		}
	}
}

// flush tells what is pending. It reports false if the reader has left.
func (o *Observer) flush(yield func(*v3electionpb.LeaderResponse, error) bool) bool {
	for len(o.pending) > 0 {
		next := o.pending[0]
		o.pending = o.pending[1:]
		if !yield(next, nil) {
			return false
		}
	}
	return true
}

// known returns the candidates for a comparison with a new list.
func (o *Observer) known() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for _, key := range slices.Sorted(maps.Keys(o.candidates)) {
			if !yield(key, o.candidates[key].GetModRevision()) {
				return
			}
		}
	}
}

// take takes what has happened to the candidates, one revision after the other. A list has one part here, and shows one revision.
func (o *Observer) take(step follow.Step) {
	for i, event := range step.Events {
		at := event.GetKv()
		if event.GetType() == mvccpb.Event_DELETE {
			delete(o.candidates, string(at.GetKey()))
		} else {
			o.candidates[string(at.GetKey())] = at
		}
		last := i+1 == len(step.Events) || step.Events[i+1].GetKv().GetModRevision() > at.GetModRevision()
		if step.Part == 0 && last {
			o.tell(headerAt(step.Header, at.GetModRevision()))
		}
	}
	if step.Part > 0 {
		o.tell(step.Header)
	}
}

// headerAt is a header with the revision of an event in place of the newest one.
func headerAt(header *pb.ResponseHeader, rev int64) *pb.ResponseHeader {
	return &pb.ResponseHeader{
		ClusterId: header.GetClusterId(), MemberId: header.GetMemberId(), Revision: rev, RaftTerm: header.GetRaftTerm(),
	}
}

// tell makes the leader pending if it is another one, or proclaims something else.
func (o *Observer) tell(header *pb.ResponseHeader) {
	var leader *mvccpb.KeyValue
	for _, candidate := range o.candidates {
		if leader == nil || candidate.GetCreateRevision() < leader.GetCreateRevision() {
			leader = candidate
		}
	}
	if o.told && leader.GetModRevision() == o.leader.GetModRevision() &&
		bytes.Equal(leader.GetKey(), o.leader.GetKey()) && bytes.Equal(leader.GetValue(), o.leader.GetValue()) {
		return
	}
	o.told, o.leader = true, leader
	o.pending = append(o.pending, &v3electionpb.LeaderResponse{Header: header, Kv: leader})
}
