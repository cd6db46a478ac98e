// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
)

// errRetired is the reason of an endpoint that no member has any more.
var errRetired = errors.New("retired: no voting member of the cluster has this endpoint")

// errNotGiven is the reason of an endpoint that SetEndpoints did not name.
var errNotGiven = errors.New("retired: SetEndpoints did not name it")

// membership changes the set of a connection's endpoints.
type membership struct {
	picker   *picker
	calls    *call.Caller
	observer *observer
	random   bool
	every    time.Duration // how often to sync by itself; 0: never
	log      *slog.Logger
	turn     chan struct{} // holds the right to change the set
	warned   *sync.Map     // skipped client URLs that have been logged
}

func newMembership(p *picker, calls *call.Caller, b *observer, c *Config) *membership {
	return &membership{
		picker: p, calls: calls, observer: b, random: c.Random, every: c.AutoSync, log: c.Log, turn: make(chan struct{}, 1),
		warned: new(sync.Map),
	}
}

// derive returns the membership for a namespace. It changes the same set, and ends with the namespace.
func (m *membership) derive(p *picker, calls *call.Caller, b *observer) *membership {
	derived := *m
	derived.picker, derived.calls, derived.observer = p, calls, b
	return &derived
}

// Sync makes the endpoints those of the members, as package conn documents it.
func (m *membership) Sync(parent context.Context) error {
	return m.change(parent, func() error {
		list := new(pb.MemberListResponse)
		request := &pb.MemberListRequest{Linearizable: true}
		err := m.observer.call(m.calls, parent, pb.Cluster_MemberList_FullMethodName, request, list, call.Options{})
		if err != nil {
			return err
		}
		return m.replace(parent, "sync", errRetired, m.sitesOf(list.GetMembers()))
	})
}

// SetEndpoints makes these the endpoints, as package conn documents it.
func (m *membership) SetEndpoints(parent context.Context, endpoints []string) error {
	if m.every > 0 {
		return fmt.Errorf("%w: SetEndpoints with WithAutoSync, which takes the endpoints from the member list", connerr.ErrOption)
	}
	addresses, err := member.ParseAddresses(endpoints, m.picker.hasTLS)
	if err != nil {
		return err
	}
	sites := make([]site, 0, len(addresses))
	for _, a := range addresses {
		sites = append(sites, site{addresses: []member.Address{a}})
	}
	return m.change(parent, func() error { return m.replace(parent, "set endpoints", errNotGiven, sites) })
}

// change runs f when no other change of the set is under way.
func (m *membership) change(parent context.Context, f func() error) error {
	if parent == nil {
		return connerr.ErrNilContext
	}
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-m.picker.life.Done():
		return connerr.Closed(m.picker.name)
	case <-parent.Done():
		return tell.Ended(parent)
	}
	if m.picker.life.Err() != nil {
		return connerr.Closed(m.picker.name)
	}
	return f()
}

// site holds the ways to one member.
type site struct {
	member    uint64           // 0: unknown
	addresses []member.Address // of which the first is its name
}

// sitesOf returns a site for each voting member that the connection can reach.
func (m *membership) sitesOf(members []*pb.Member) []site {
	inUse := map[string]bool{}
	for _, e := range m.picker.set.All() {
		inUse[e.Key()] = true
	}
	var all []site
	for _, one := range members {
		if one.GetIsLearner() {
			continue
		}
		s := site{member: one.GetID()}
		for _, url := range one.GetClientURLs() {
			a, err := m.picker.parse(url)
			if err != nil {
				if _, known := m.warned.LoadOrStore(url, true); !known {
					m.log.Warn("etcd member's client URL skipped", slog.String("connection", m.picker.name),
						slog.String("member", tell.Short(one.GetName())), slog.String("url", tell.Endpoint(url)), slog.Any("reason", err))
				}
				continue
			}
			if len(s.addresses) > 0 && inUse[a.Key()] && !inUse[s.addresses[0].Key()] {
				s.addresses = slices.Insert(s.addresses, 0, a)
			} else {
				s.addresses = append(s.addresses, a)
			}
		}
		if len(s.addresses) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// replace makes these sites the endpoints of the connection.
func (m *membership) replace(parent context.Context, doing string, why error, sites []site) error {
	before := map[string]*member.Endpoint{}
	for _, e := range m.picker.set.All() {
		before[e.Key()] = e
	}
	var next, added []*member.Endpoint
	of := map[uint64]*member.Endpoint{}
	taken := map[string]bool{}
	for _, s := range sites {
		key := s.addresses[0].Key()
		if taken[key] {
			continue
		}
		taken[key] = true
		e := before[key]
		if e == nil {
			e = m.picker.set.New(s.addresses[0])
			added = append(added, e)
		}
		e.SetOthers(s.addresses[1:])
		delete(before, key)
		next = append(next, e)
		if s.member != 0 {
			of[s.member] = e
		}
	}
	if len(next) == 0 {
		return &unavailable{conn: m.picker.name, doing: doing + ": the member list has no endpoint that can be used"}
	}
	if len(added) == 0 && len(before) == 0 {
		return nil
	}
	old := m.picker.set.All()
	m.picker.set.Store(append(old[:len(old):len(old)], added...)) // so that they can be asked for by name
	err := m.connectAll(parent, added)
	if err == nil && !anyActive(next) {
		err = m.unusable(parent, doing, next)
	}
	if err != nil {
		m.picker.set.Store(old)
		for _, e := range added {
			e.Withdraw(why)
		}
		return err
	}
	for key, e := range before {
		if now := of[e.Member()]; now != nil && !now.Snapshot().Active {
			delete(before, key) // the only way to its member
			next = append(next, e)
		}
	}
	m.picker.set.Store(next)
	if len(added) == 0 && len(before) == 0 {
		return nil
	}
	for _, e := range before {
		e.Withdraw(why)
	}
	m.log.Info("etcd endpoints synced", slog.String("connection", m.picker.name),
		slog.Int("added", len(added)), slog.Int("retired", len(before)), slog.Int("endpoints", len(next)))
	return nil
}

// connectAll starts to look after new endpoints, and waits for the first verdict of each.
func (m *membership) connectAll(parent context.Context, added []*member.Endpoint) error {
	first, n, err := m.picker.set.Keep(added)
	if err != nil {
		return connerr.Closed(m.picker.name)
	}
	for range n {
		select {
		case <-first:
		case <-parent.Done():
			return tell.Ended(parent)
		case <-m.picker.life.Done():
			return connerr.Closed(m.picker.name)
		}
	}
	return nil
}

// anyActive reports whether one of the endpoints is Active.
func anyActive(all []*member.Endpoint) bool {
	return slices.ContainsFunc(all, func(e *member.Endpoint) bool { return e.Snapshot().Active })
}

// unusable returns ErrUnavailable, with the reason of each endpoint, if none of these can take requests. In mode
// Random it tries all of them, each within the connect timeout. The first one that works is used next.
func (m *membership) unusable(parent context.Context, doing string, all []*member.Endpoint) error {
	err := &unavailable{conn: m.picker.name, doing: doing + ": none of the endpoints answers"}
	for _, e := range all {
		err.endpoints = append(err.endpoints, e.Snapshot())
	}
	if !m.random {
		return err
	}
	type trial struct {
		i      int
		failed error
	}
	trials := make(chan trial, len(all))
	for i, e := range all {
		if err := m.picker.life.Go(func(context.Context) { trials <- trial{i, m.picker.set.Try(e)} }); err != nil {
			return connerr.Closed(m.picker.name)
		}
	}
	for range all {
		select {
		case t := <-trials:
			if t.failed == nil {
				m.picker.set.Prefer(all[t.i])
				return nil
			}
			err.endpoints[t.i].Err = t.failed
		case <-parent.Done():
			return tell.Ended(parent)
		case <-m.picker.life.Done():
			return connerr.Closed(m.picker.name)
		}
	}
	return err
}

// autoSync syncs at each interval until life ends.
func (m *membership) autoSync(life context.Context) {
	if m.picker.WaitReady(life) != nil {
		return
	}
	for {
		if err := m.Sync(life); err != nil && life.Err() == nil {
			m.log.Warn("etcd endpoints not synced", slog.String("connection", m.picker.name), slog.Any("reason", err))
		}
		every := m.every
		if !wait.For(life, every-every/20+rand.N(every/10)) {
			return
		}
	}
}
