// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/internal/life"
)

// placed is an owner whose link is in a rotation.
type placed struct {
	owner
	life context.Context
	away time.Time
}

func (p *placed) lifetime() context.Context { return p.life }
func (p *placed) absence() *time.Time       { return &p.away }

// rotating returns a rotation of three links. The last one is that of the leader.
func rotating(t *testing.T) (r *rotation, links []*Link) {
	t.Helper()
	connection := life.New()
	t.Cleanup(func() { <-connection.End() })
	r = newRotation()
	for i := range 3 {
		to := &transport{}
		to.users.Store(1)
		to.vitals.Store(&vitals{version: "3.7.3", leads: i == 2, direct: true})
		l := newLink(&placed{life: connection}, &Config{Life: connection}, to)
		r.add(l)
		links = append(links, l)
	}
	return r, links
}

// answer has a link answer a request that takes this long.
func answer(l *Link, takes time.Duration) { ended(l, takes, Answered) }

func ended(l *Link, takes time.Duration, how Ending) {
	l.Begins(0)
	l.speed.Load().ends(0, takes, how)
}

func TestLeaderServesWhatNeedsItUnlessItIsBusy(t *testing.T) {
	const quick = time.Millisecond
	for name, tt := range map[string]struct {
		before func(links []*Link, leader *Link)
		inTurn bool
	}{
		"nothing is known":         {func([]*Link, *Link) {}, false},
		"all answer equally soon":  {func([]*Link, *Link) {}, false},
		"the leader is slower":     {func(_ []*Link, leader *Link) { leader.speed.Load().takes = quick * 14 / 10 }, false},
		"the leader is busy":       {func(_ []*Link, leader *Link) { leader.speed.Load().takes = quick * 16 / 10 }, true},
		"the leader was busy once": {func(_ []*Link, leader *Link) { answer(leader, 4*quick) }, false},
		"another one is quicker": {func(links []*Link, _ *Link) {
			links[0].speed.Load().takes = quick / 2
		}, true},
		"the others have failed": {func(links []*Link, leader *Link) {
			ended(links[0], quick, Failed)
			ended(links[1], quick, Failed)
			leader.speed.Load().takes = time.Second
		}, false},
		"the leader has failed":        {func(_ []*Link, leader *Link) { ended(leader, quick, Failed) }, true},
		"the leader is late":           {func(_ []*Link, leader *Link) { leader.Begins(now - 9*quick) }, true},
		"the leader is at work":        {func(_ []*Link, leader *Link) { leader.Begins(now - 7*quick) }, false},
		"the leader refused one":       {func(_ []*Link, leader *Link) { ended(leader, quick/100, Untold) }, false},
		"one was given up early":       {func(_ []*Link, leader *Link) { ended(leader, 7*quick, Untold) }, false},
		"one was given up late":        {func(_ []*Link, leader *Link) { ended(leader, 9*quick, Untold) }, true},
		"two lead":                     {func(links []*Link, _ *Link) { links[0].vitals.Store(&vitals{leads: true, direct: true}) }, true},
		"the leader is behind a proxy": {func(_ []*Link, leader *Link) { leader.vitals.Store(&vitals{leads: true}) }, true},
		"another one is fragile": {func(links []*Link, _ *Link) {
			links[0].vitals.Store(&vitals{direct: true, fragile: true})
			links[0].speed.Store(nil)
		}, false},
		"the leader is fragile":    {func(_ []*Link, leader *Link) { leader.vitals.Store(&vitals{leads: true, direct: true, fragile: true}) }, true},
		"nobody leads":             {func(_ []*Link, leader *Link) { leader.vitals.Store(&vitals{}) }, true},
		"the leader has just left": {func(_ []*Link, leader *Link) { leader.users.Store(0) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, links := rotating(t)
			if name != "nothing is known" {
				for _, l := range links {
					answer(l, quick)
				}
			}
			tt.before(links, links[2])
			served := map[*Link]int{}
			for range inTurnEvery - 2 { // the last one of them goes in turn
				l := r.leader(now)
				l.Release()
				served[l]++
			}
			if led := served[links[2]] == inTurnEvery-2; led == tt.inTurn {
				t.Errorf("the links served %d, %d and %d", served[links[0]], served[links[1]], served[links[2]])
			}
			if tt.inTurn && (served[links[0]] < 10 || served[links[1]] < 10) {
				t.Errorf("the links served %d, %d and %d, which is not in turn", served[links[0]], served[links[1]], served[links[2]])
			}
		})
	}
}

// now is the time of the test above, by Clock.
const now = time.Hour

func TestOthersServeNowAndThenWhatTheLeaderServes(t *testing.T) {
	r, links := rotating(t)
	served := map[*Link]int{}
	const rounds = 3 * 100 * inTurnEvery
	for range rounds {
		l := r.leader(now)
		l.Release()
		answer(l, time.Millisecond)
		served[l]++
	}
	for _, l := range links[:2] {
		if n := served[l]; n < rounds/(3*inTurnEvery) || n > rounds/(3*inTurnEvery)+3 {
			t.Errorf("another link served %d of %d", n, rounds)
		}
	}
}

func TestSpeedFollowsWhatAnswersTake(t *testing.T) {
	var s speed
	at := time.Duration(0)
	answer := func(takes time.Duration) {
		s.begins(at)
		s.ends(at, at+takes, Answered)
		at += takes
	}
	answer(8 * time.Millisecond)
	if got := s.expected(at); got != 8*time.Millisecond {
		t.Errorf("after one answer: %v", got)
	}
	for range 50 {
		answer(time.Millisecond)
	}
	if got := s.expected(at); got < time.Millisecond || got > 1100*time.Microsecond {
		t.Errorf("after faster ones: %v", got)
	}
	answer(0)
	if got := s.expected(at); got <= 0 || got == never {
		t.Errorf("after one without a time: %v", got)
	}
	// Two are under way, and the second one ends. The first one has waited since then.
	s.begins(at)
	at += 4 * time.Millisecond
	s.begins(at)
	s.ends(at, at, Answered)
	if at += 4 * time.Millisecond; s.expected(at) == never {
		t.Error("an attempt is late though another one has just ended")
	}
	if at += time.Minute; s.expected(at) != never {
		t.Error("an attempt is not late")
	}
}
