// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	grpcresolver "google.golang.org/grpc/resolver"

	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// told notes what gRPC is told, with the time.
type told struct {
	grpcresolver.ClientConn
	began time.Time
	all   []string
}

func (c *told) UpdateState(s grpcresolver.State) error {
	var list []string
	for _, a := range s.Addresses {
		list = append(list, a.Addr)
	}
	slices.Sort(list)
	c.all = append(c.all, fmt.Sprint(time.Since(c.began), " ", list))
	return nil
}

func (c *told) ReportError(err error) {
	c.all = append(c.all, fmt.Sprint(time.Since(c.began), " ", err))
}

// of returns keys, and the turn that makes them those of these instances, and of so many keys whose value was skipped.
func of(skipped int, instances ...Instance) (*keys, turn) {
	var t turn
	for n, i := range instances {
		t.changes = append(t.changes, change{key: fmt.Sprint(n), entry: entry{rev: int64(n), instance: i, there: true}})
	}
	for n := range skipped {
		t.changes = append(t.changes, change{key: fmt.Sprint("skipped ", n), entry: entry{err: errNoAddr}})
	}
	return &keys{}, t
}

// rewound returns a turn that begins another history.
func rewound(k *keys, t turn) (*keys, turn) {
	t.rewound = true
	return k, t
}

// link is whether a resolver is in step with etcd.
type link struct {
	mu    sync.Mutex
	since time.Time
	down  bool
}

func (l *link) set(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.since, l.down = time.Now(), down
}

func (l *link) inStep() (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.since, !l.down
}

// TestWhatGRPCIsToldInEachPhase walks through the table of phases.
func TestWhatGRPCIsToldInEachPhase(t *testing.T) {
	a, b := Instance{Addr: "a"}, Instance{Addr: "b", Metadata: map[string]any{"m": 1}}
	changed, away := Instance{Addr: "b", Metadata: map[string]any{"m": 2}}, errors.New("away")
	const gone = ` resolver: no instance is registered under "p/"`
	const unknown = ` resolver: the instances under "p/" are not known yet: `
	for name, tt := range map[string]struct {
		keep time.Duration
		do   func(s *shown, l *link)
		want []string
	}{
		"a failure is told each time, and none after a list": {time.Second, func(s *shown, _ *link) {
			s.failed(away)
			s.failed(away)
			s.failed(errors.New("other"))
			s.list(of(0, a))
			s.failed(away)
		}, []string{"0s" + unknown + "away", "0s" + unknown + "away", "0s" + unknown + "other", "0s [a]"}},
		"the same list is told once": {time.Second, func(s *shown, _ *link) {
			for _, i := range []Instance{b, b, changed} {
				s.list(of(0, i))
				time.Sleep(time.Second)
			}
		}, []string{"0s [b]", "2s [b]"}},
		"many lists are told as a few": {time.Second, func(s *shown, _ *link) {
			for range 8 {
				s.list(of(0, a))
				s.list(of(0, a, b))
				time.Sleep(tellEvery / 10)
				s.list(of(0, b))
			}
			time.Sleep(time.Second)
		}, []string{"0s [a]", "100ms [b]"}},
		"an empty list at first": {time.Second, func(s *shown, _ *link) {
			s.list(of(2))
			s.list(of(2))
			s.failed(away)
			time.Sleep(time.Second)
			s.list(of(1))
			time.Sleep(time.Second)
			s.list(of(0, a))
		}, []string{
			"0s []", "0s" + gone + "; keys with a value that does not decode: 2",
			"1s []", "1s" + gone + "; keys with a value that does not decode: 1", "2s [a]",
		}},
		"an empty list is told when its time has passed": {time.Second, func(s *shown, _ *link) {
			s.list(of(0, a))
			s.list(of(0))
			time.Sleep(time.Second / 2)
			s.list(of(0))
			s.failed(away)
			time.Sleep(time.Second)
		}, []string{"0s [a]", "1s []", "1s" + gone}},
		"the time begins anew after each list": {time.Second, func(s *shown, _ *link) {
			s.list(of(0, a))
			s.list(of(0))
			time.Sleep(time.Second * 3 / 4)
			s.list(of(0, a))
			s.list(of(0))
			time.Sleep(time.Second * 3 / 4)
			s.list(of(0, a, b))
			time.Sleep(time.Minute)
		}, []string{"0s [a]", "1.5s [a b]"}},
		"the first instance that returns does not end the time of the others": {time.Second, func(s *shown, _ *link) {
			s.list(of(0, a, b))
			s.list(of(0))
			time.Sleep(time.Second / 2)
			s.list(of(0, changed))
			time.Sleep(time.Minute)
		}, []string{"0s [a b]", "500ms [a b]", "1s [b]"}},
		"an instance that has returned may leave": {time.Second, func(s *shown, _ *link) {
			s.list(of(0, a, b))
			s.list(of(0))
			time.Sleep(time.Second / 4)
			s.list(of(0, a, b))
			time.Sleep(time.Second / 4)
			s.list(of(0, b))
		}, []string{"0s [a b]", "500ms [b]"}},
		"a list of another history is told beside the last instances": {time.Second, func(s *shown, _ *link) {
			s.list(of(0, a))
			time.Sleep(time.Second)
			s.list(rewound(of(0, b)))
			time.Sleep(time.Minute)
		}, []string{"0s [a]", "1s [a b]", "2s [b]"}},
		"the time does not run in an outage": {time.Second, func(s *shown, l *link) {
			s.list(of(0, a))
			s.list(rewound(of(0)))
			time.Sleep(time.Second / 2)
			l.set(true)
			time.Sleep(time.Minute)
			l.set(false)
			time.Sleep(time.Minute)
		}, []string{"0s [a]", "1m1.5s []", "1m1.5s" + gone}},
		"an empty list is told at once": {0, func(s *shown, _ *link) {
			s.list(of(0, a))
			time.Sleep(time.Second)
			s.list(of(0))
		}, []string{"0s [a]", "1s []", "1s" + gone}},
		"nothing is told after the end": {time.Second, func(s *shown, _ *link) {
			s.list(of(0, a))
			s.list(of(0))
			s.close(follow.History{})
			s.list(of(0, b))
			s.failed(away)
			time.Sleep(time.Minute)
		}, []string{"0s [a]"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, l := &told{began: time.Now()}, &link{since: time.Now()}
				s := newShown(c, "p/", tt.keep, &memory{}, l.inStep)
				tt.do(s, l)
				synctest.Wait()
				if s.close(follow.History{}); !slices.Equal(c.all, tt.want) {
					t.Errorf("told is %q\nwant %q", c.all, tt.want)
				}
			})
		})
	}
}

// TestNextResolverOfATargetHasTheLastList closes a resolver, as gRPC does for a client that goes idle.
func TestNextResolverOfATargetHasTheLastList(t *testing.T) {
	a, b := Instance{Addr: "a"}, Instance{Addr: "b"}
	for name, tt := range map[string]struct {
		do   func(s *shown)
		want []string
	}{
		"an attempt fails":        {func(s *shown) { s.failed(errors.New("away")) }, []string{"0s [a]"}},
		"no answer comes":         {func(*shown) { time.Sleep(time.Minute) }, []string{"1s [a]"}},
		"a list comes":            {func(s *shown) { s.list(of(0, b)); time.Sleep(time.Minute) }, []string{"0s [b]"}},
		"another history comes":   {func(s *shown) { s.list(rewound(of(0, b))); time.Sleep(time.Hour) }, []string{"0s [a b]", "1m0s [b]"}},
		"it fails before a list":  {func(s *shown) { s.failed(errors.New("away")); time.Sleep(1e9); s.list(of(0, b)) }, []string{"0s [a]", "1s [b]"}},
		"it fails, and all leave": {func(s *shown) { s.failed(errors.New("away")); s.list(of(0)) }, []string{"0s [a]"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, inStep := &memory{}, func() (time.Time, bool) { return time.Time{}, true }
				first := newShown(&told{}, "p/", time.Minute, m, inStep)
				first.list(of(0, a))
				first.close(follow.History{})
				c := &told{began: time.Now()}
				s := newShown(c, "p/", time.Minute, m, inStep)
				tt.do(s)
				synctest.Wait()
				if s.close(follow.History{}); !slices.Equal(c.all, tt.want) {
					t.Errorf("told is %q\nwant %q", c.all, tt.want)
				}
			})
		})
	}
}
