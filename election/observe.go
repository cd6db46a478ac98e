// SPDX-License-Identifier: Apache-2.0

package election

import (
	"bytes"
	"context"
	"errors"
	"iter"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/onereader"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// Observer tells who leads an election. It has one reader at a time; Close is safe for concurrent use.
//
// It follows the candidates' keys with a watch rather than with Election/Observe: that one skips what is proclaimed between
// two of its looks, says nothing of a vacancy, and cannot go on on another member where it broke off.
type Observer struct {
	c      ctx.Ctx
	keys   ctx.Ctx // of the candidates
	parent context.Context
	life   context.Context
	end    context.CancelFunc

	reader onereader.Gate

	// What follows is the reader's.
	watcher    *watch.Watcher
	candidates map[string]*mvccpb.KeyValue
	told       bool // something has been told
	rest       wait.Pause
	leader     *mvccpb.KeyValue
	pending    []*v3electionpb.LeaderResponse // to be told
}

// Observe begins to observe the election of WithName, and returns at once. The observer lives until parent ends or
// Close is called; WithTimeout bounds how long it may take to begin. It reads the keys below the name, for which it
// needs permission. It calls KV/Range and Watch/Watch.
func Observe(parent context.Context, c Request) (*Observer, error) {
	_, err := c.LeaderRequest()
	if err = named(parent, c, err); err != nil {
		return nil, err
	}
	if _, err := engine.Lookup(c.Conn()); err != nil {
		return nil, err
	}
	o := &Observer{c: c, parent: parent, keys: New(c.Conn()).WithKey(c.Name() + "/").WithPrefix()}
	if endpoint, ok := c.Endpoint(); ok {
		o.keys = o.keys.WithEndpoint(endpoint)
	}
	if timeout, ok := c.Timeout(); ok {
		o.keys = o.keys.WithTimeout(timeout)
	}
	o.life, o.end = context.WithCancel(parent)
	return o, nil
}

// Close ends the observer, and a loop over it. It returns nil, also when it is called again.
func (o *Observer) Close() error {
	o.end()
	return nil
}

var errInUse = errors.New("election: another reader is at work")

// All returns the leader there is, and then each new one and each new value that a leader proclaims, in their order, none
// twice. A vacancy is a response whose Kv is nil; eetcd calls it election_no_leader. It goes on through the loss of
// members. Only what a compaction has removed from the history while no member could be reached may be missing.
//
// The loop ends with the observer, and with an error where it cannot go on; if parent has ended, that is its error. To
// leave the loop leaves the observer open, and the next loop goes on where it ended.
func (o *Observer) All() iter.Seq2[*v3electionpb.LeaderResponse, error] {
	return onereader.Seq(&o.reader, errInUse, func(yield func(*v3electionpb.LeaderResponse, error) bool) {
		for {
			for len(o.pending) > 0 {
				next := o.pending[0]
				o.pending = o.pending[1:]
				if !yield(next, nil) {
					return
				}
			}
			err := o.more()
			switch {
			case o.parent.Err() != nil:
				yield(nil, tell.Ended(o.parent))
				return
			case o.life.Err() != nil:
				return
			case err != nil:
				yield(nil, err)
				return
			}
		}
	})
}

// more waits until something may have changed.
func (o *Observer) more() error {
	if o.watcher == nil {
		return o.passed(o.look())
	}
	for response, err := range o.watcher.Responses() {
		if err == nil {
			o.rest.Reset()
			o.follow(response)
			return nil
		}
		// A history that is compacted, or another one since the store was put back, begins with a look at what is there.
		_ = o.watcher.Close()
		o.watcher = nil
		return o.passed(err)
	}
	return o.watcher.Err()
}

// passed waits before the next look where err passes, once the observer has begun. It returns what does not pass.
func (o *Observer) passed(err error) error {
	if err == nil || !o.told || claim.Final(err) {
		return err
	}
	if o.rest.Sleep(o.life) && errors.Is(err, connerr.ErrUnavailable) {
		return o.wait()
	}
	return nil
}

// look reads all candidates, and follows them from there.
func (o *Observer) look() error {
	all, err := kv.Get(o.life, o.keys)
	if err != nil {
		return err
	}
	o.candidates = map[string]*mvccpb.KeyValue{}
	for _, candidate := range all.GetKvs() {
		o.candidates[string(candidate.GetKey())] = candidate
	}
	o.tell(all.GetHeader())
	o.watcher, err = watch.Watch(o.life, o.keys.WithStartRevision(all.GetHeader().GetRevision()+1))
	return err
}

// wait waits for an endpoint.
func (o *Observer) wait() error {
	to, err := engine.Lookup(o.c.Conn())
	if err != nil {
		return err
	}
	return to.WaitReady(o.life)
}

// follow takes what has happened to the candidates, one revision after the other.
func (o *Observer) follow(response *pb.WatchResponse) {
	for i, event := range response.GetEvents() {
		at := event.GetKv()
		if event.GetType() == mvccpb.Event_DELETE {
			delete(o.candidates, string(at.GetKey()))
		} else {
			o.candidates[string(at.GetKey())] = at
		}
		if i+1 == len(response.GetEvents()) || response.GetEvents()[i+1].GetKv().GetModRevision() > at.GetModRevision() {
			header := &pb.ResponseHeader{
				ClusterId: response.GetHeader().GetClusterId(), MemberId: response.GetHeader().GetMemberId(),
				Revision: at.GetModRevision(), RaftTerm: response.GetHeader().GetRaftTerm(),
			}
			o.tell(header)
		}
	}
}

// tell has the reader told of the leader if that is another one, or proclaims something else.
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
