// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/bench"
)

// counted is how long attempts to connect are counted after a fault.
const counted = 5 * time.Second

// fault is what happens to the cluster.
type fault struct {
	name   string
	strike func(*etcdtest.Cluster) (mend func())
	whole  bool // the cluster is of no use before strike returns
}

var faults = []fault{
	{"a follower killed", func(c *etcdtest.Cluster) func() { return kill(follower(c)) }, false},
	{"the leader killed", func(c *etcdtest.Cluster) func() { return kill(c.Leader()) }, false},
	{"all members killed and restarted", func(c *etcdtest.Cluster) func() {
		for _, m := range c.Members() {
			m.Kill()
		}
		var starting sync.WaitGroup
		for _, m := range c.Members() {
			starting.Go(m.Restart)
		}
		starting.Wait()
		return func() {}
	}, true},
}

func kill(m *etcdtest.Member) (mend func()) {
	m.Kill()
	return m.Restart
}

func follower(c *etcdtest.Cluster) *etcdtest.Member {
	leader := c.Leader()
	for _, m := range c.Members() {
		if m != leader {
			return m
		}
	}
	return leader
}

// times is what the connections learn from the mark: when the fault began, and when the cluster was of use again.
type times struct{ Fault, Back time.Time }

// herdSample is what a fault costs.
type herdSample struct {
	Mean, Most float64 // attempts for each connection
	Event, Get float64 // seconds until the last connection had its event, and its answer
	Failed     float64 // Gets that failed
}

var herdColumns = []bench.Column[herdSample]{
	{Name: "dials, mean", Of: func(s herdSample) float64 { return s.Mean }, Print: bench.Fixed(2), Row: true},
	{Name: "dials, most", Of: func(s herdSample) float64 { return s.Most }, Print: bench.Fixed(0), Row: true},
	{Name: "last event, s", Of: func(s herdSample) float64 { return s.Event }, Print: bench.Fixed(2), Row: true},
	{Name: "last Get, s", Of: func(s herdSample) float64 { return s.Get }, Print: bench.Fixed(2), Row: true},
	{Name: "failed Gets", Of: func(s herdSample) float64 { return s.Failed }, Print: bench.Fixed(0)},
}

const herdNote = `
Dials are those of one connection to all endpoints in the 5 s after the fault. The times run from the kill of a member, or from the
return of the whole cluster, until the last connection has received an event that was written then, and has had an answer to a Get
that it sent after the event.
`

// measureHerd opens connections in their own process, and has the cluster suffer a fault.
func measureHerd(parent context.Context, c *etcdtest.Cluster, f fault, client string, o options) (s herdSample, err error) {
	err = bench.Child(parent, o.args("herd", client, c), func() error {
		at := times{Fault: time.Now()}
		at.Back = at.Fault
		mend := f.strike(c)
		defer mend()
		if c.Leader() == nil {
			return c.Err()
		}
		if f.whole {
			at.Back = time.Now()
		}
		if err := write(parent, c.Endpoints(), at); err != nil {
			return err
		}
		return waitUntil(parent, at.Fault.Add(counted))
	}, &s)
	return s, err
}

// write sets the mark.
func write(parent context.Context, endpoints []string, at times) error {
	c, err := conn.Open(parent, "", endpoints)
	if err != nil {
		return err
	}
	defer c.Close()
	value, err := json.Marshal(at)
	if err != nil {
		return err
	}
	_, err = kv.Put(parent, kv.New(c.Name()).WithKey(mark).WithValue(string(value)))
	return err
}

// herd is the other side of measureHerd.
func herd(parent context.Context, out io.Writer, client string, endpoints []string, o options) error {
	all := make([]sheep, o.herd)
	for i := range all {
		var err error
		if all[i].connected, err = open(parent, client, endpoints, grpc.WithContextDialer(all[i].dial)); err != nil {
			return err
		}
	}
	if err := bench.Ready(out); err != nil {
		return err
	}
	var waiting sync.WaitGroup
	for i := range all {
		waiting.Go(func() { all[i].wait(parent) })
	}
	waiting.Wait()
	var s herdSample
	for i := range all {
		if err := all[i].err; err != nil {
			return err
		}
		end := all[i].at.Fault.Add(counted)
		if err := waitUntil(parent, end); err != nil {
			return err
		}
		n := all[i].dials(all[i].at.Fault, end)
		s.Mean += float64(n) / float64(len(all))
		s.Most = max(s.Most, float64(n))
		s.Event = max(s.Event, all[i].event.Sub(all[i].at.Back).Seconds())
		s.Get = max(s.Get, all[i].answer.Sub(all[i].at.Back).Seconds())
		s.Failed += float64(all[i].failed)
	}
	return bench.Report(out, s)
}

// sheep is one connection of a herd.
type sheep struct {
	connected
	at            times
	event, answer time.Time
	failed        int
	err           error

	mu       sync.Mutex
	attempts []time.Time
}

// dial connects, and records when.
func (s *sheep) dial(parent context.Context, address string) (net.Conn, error) {
	s.mu.Lock()
	s.attempts = append(s.attempts, time.Now())
	s.mu.Unlock()
	return (&net.Dialer{}).DialContext(parent, "tcp", address)
}

// dials counts the attempts to connect in a time.
func (s *sheep) dials(from, to time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	inside := slices.DeleteFunc(slices.Clone(s.attempts), func(t time.Time) bool { return t.Before(from) || t.After(to) })
	return len(inside)
}

// wait waits for the mark, and then for the answer to a Get.
func (s *sheep) wait(parent context.Context) {
	value, err := s.next()
	if err != nil {
		s.err = err
		return
	}
	s.event = time.Now()
	if s.err = json.Unmarshal([]byte(value), &s.at); s.err != nil {
		return
	}
	for {
		limited, cancel := context.WithTimeout(parent, counted)
		err := s.get(limited)
		cancel()
		if err == nil {
			s.answer = time.Now()
			return
		}
		if parent.Err() != nil {
			s.err = err
			return
		}
		s.failed++
	}
}

func waitUntil(parent context.Context, t time.Time) error {
	select {
	case <-time.After(time.Until(t)):
		return nil
	case <-parent.Done():
		return parent.Err()
	}
}
