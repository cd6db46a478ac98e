// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"strings"
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
	strike func(*etcdtest.Cluster) (lost *etcdtest.Member) // nil: no member stays away
	whole  bool                                            // the cluster is of no use before strike returns
}

var faults = []fault{
	{"a follower killed", func(c *etcdtest.Cluster) *etcdtest.Member { return kill(follower(c)) }, false},
	{"the leader killed", func(c *etcdtest.Cluster) *etcdtest.Member { return kill(c.Leader()) }, false},
	{"all members killed and restarted", func(c *etcdtest.Cluster) *etcdtest.Member {
		for _, m := range c.Members() {
			m.Kill()
		}
		var starting sync.WaitGroup
		for _, m := range c.Members() {
			starting.Go(m.Restart)
		}
		starting.Wait()
		return nil
	}, true},
}

func kill(m *etcdtest.Member) *etcdtest.Member {
	m.Kill()
	return m
}

func follower(c *etcdtest.Cluster) *etcdtest.Member {
	members := c.Members()
	if members[0] == c.Leader() {
		return members[1]
	}
	return members[0]
}

// times is what the connections learn from the mark: when the fault began, when the cluster was of use again, and the address of the
// member that is away, or "".
type times struct {
	Fault, Back time.Time
	Away        string
}

// herdSample is what a fault costs.
type herdSample struct {
	Mean, Most float64 // attempts of each connection to reach members that are there
	Lost       bool    // whether a member is away
	Away       float64 // attempts to reach that one, on average
	Event, Get float64 // seconds until the last connection had its event, and its answer
	Failed     float64 // Gets that failed
}

var herdColumns = []bench.Column[herdSample]{
	{Name: "dials, mean", Of: func(s herdSample) float64 { return s.Mean }, Print: bench.Fixed(2), Row: true, Counts: true},
	{Name: "dials, most", Of: func(s herdSample) float64 { return s.Most }, Print: bench.Fixed(0), Row: true, Counts: true},
	{Name: "to the lost one", Of: herdSample.away, Print: bench.Fixed(2), Row: true, Counts: true},
	{Name: "last event, s", Of: func(s herdSample) float64 { return s.Event }, Print: bench.Fixed(2), Row: true},
	{Name: "last Get, s", Of: func(s herdSample) float64 { return s.Get }, Print: bench.Fixed(2), Row: true},
	{Name: "failed Gets", Of: func(s herdSample) float64 { return s.Failed }, Print: bench.Fixed(0), Counts: true},
}

var errNoLeader = errors.New("the cluster has no leader")

func (s herdSample) away() float64 {
	if !s.Lost {
		return math.NaN()
	}
	return s.Away
}

const herdNote = `
Dials are the attempts of one connection, in the 5 s after the fault, to reach members that are there. "to the lost one" are its
attempts to reach the member that is away, which its machine refuses; a dash means that none is away. The times run from the kill of a
member, or from the return of the whole cluster, until the last connection has received an event that was written then, and has had
an answer to a Get that it sent after the event.
`

// measureHerd opens connections in their own process, and has the cluster suffer a fault.
func measureHerd(parent context.Context, c *etcdtest.Cluster, f fault, client string, o options) (s herdSample, err error) {
	writer, err := conn.Open(parent, "", c.Endpoints()) // before the fault, so that the mark waits for no new connection
	if err != nil {
		return s, err
	}
	defer writer.Close()
	err = bench.Child(parent, o.args("herd", client, c), func() error {
		if c.Leader() == nil {
			return errors.Join(errNoLeader, c.Err())
		}
		at := times{Fault: time.Now()}
		at.Back = at.Fault
		if lost := f.strike(c); lost != nil {
			at.Away = strings.TrimPrefix(lost.Endpoint(), "http://")
			defer lost.Restart()
		}
		if c.Leader() == nil {
			return errors.Join(errNoLeader, c.Err())
		}
		if f.whole {
			at.Back = time.Now()
		}
		if err := write(parent, writer, at); err != nil {
			return err
		}
		return waitUntil(parent, at.Fault.Add(counted))
	}, &s)
	return s, err
}

// write sets the mark.
func write(parent context.Context, c *conn.Conn, at times) error {
	value, err := json.Marshal(at)
	if err != nil {
		return err
	}
	_, err = kv.Put(parent, kv.New(c.Name()).WithKey(mark).WithValue(string(value)))
	return err
}

// herd is the other side of measureHerd.
func herd(parent context.Context, out io.Writer, client string, endpoints []string, o options) error {
	all, opened := make([]sheep, o.herd), time.Now()
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
		waiting.Go(func() { all[i].wait(parent, opened) })
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
		there, away := all[i].dials(end)
		s.Mean += float64(there) / float64(len(all))
		s.Most = max(s.Most, float64(there))
		s.Lost = all[i].at.Away != ""
		s.Away += float64(away) / float64(len(all))
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
	attempts []attempt
}

// attempt is one to connect.
type attempt struct {
	to string
	at time.Time
}

// dial connects, and records when.
func (s *sheep) dial(parent context.Context, address string) (net.Conn, error) {
	s.mu.Lock()
	s.attempts = append(s.attempts, attempt{address, time.Now()})
	s.mu.Unlock()
	return (&net.Dialer{}).DialContext(parent, "tcp", address)
}

// dials counts the attempts to connect from the fault to the end: to members that are there, and to the one that is away.
func (s *sheep) dials(end time.Time) (there, away int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.attempts {
		switch {
		case a.at.Before(s.at.Fault) || a.at.After(end):
		case a.to == s.at.Away:
			away++
		default:
			there++
		}
	}
	return there, away
}

// pause is the time between a Get that fails and the next one.
const pause = 10 * time.Millisecond

// wait waits for the mark of a fault after opened, and then for the answer to a Get.
func (s *sheep) wait(parent context.Context, opened time.Time) {
	for s.at.Fault.Before(opened) { // a member that lags tells an earlier mark
		value, err := s.next()
		if err != nil {
			s.err = err
			return
		}
		s.event = time.Now()
		if s.err = json.Unmarshal([]byte(value), &s.at); s.err != nil {
			return
		}
	}
	for {
		limited, cancel := context.WithTimeout(parent, counted)
		err := s.get(limited)
		cancel()
		if err == nil {
			s.answer = time.Now()
			return
		}
		s.failed++
		if waitUntil(parent, time.Now().Add(pause)) != nil {
			s.err = err
			return
		}
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
