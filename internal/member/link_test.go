// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/life"
)

// A context that has not ended stays among the children of its endpoint's.
func TestLostLinkEndsItsContextsWithItsLastUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, l := inService(t)
		if !l.Acquire() {
			t.Fatal("the link is closed")
		}
		k.drain(l)
		k.discard(l)
		synctest.Wait()
		if l.Service().Err() != nil {
			t.Error("the end of its rotation ended what was under way")
		}
		l.Release()
		synctest.Wait()
		if !errors.Is(context.Cause(l.Service()), ErrLost) {
			t.Errorf("after its last use its context has the cause %v", context.Cause(l.Service()))
		}
	})
}

func TestConnectionOfARetiredEndpointIsLostWithoutReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, l := inService(t)
		k.Withdraw(errors.New("retired"))
		k.drain(l)
		if k.is(returning) {
			t.Error("the endpoint comes back")
		}
		k.discard(l)
	})
}

func TestTermOfALinkEndsWhenTheLinkLeavesTheRotation(t *testing.T) {
	why := errors.New("it is to leave")
	for name, leave := range map[string]func(*keeper, *Link) (want error){
		"drained": func(k *keeper, l *Link) error { k.drain(l); return ErrLost },
		"frozen":  func(k *keeper, l *Link) error { k.freeze(l, why); return why },
		"retired": func(k *keeper, _ *Link) error { k.Withdraw(why); return why },
		"drained first": func(k *keeper, l *Link) error {
			k.drain(l)
			l.retire(why)
			return ErrLost
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, l := inService(t)
				ended, over := l.begin()
				over()
				before, over := l.begin()
				defer over()
				if !l.InRotation() || before.Err() != nil || !errors.Is(ended.Err(), context.Canceled) {
					t.Fatalf("in the rotation: %v; one term has the error %v, and the one before it %v", l.InRotation(), before.Err(), ended.Err())
				}
				want := leave(k, l)
				after, over := l.begin()
				defer over()
				if got := context.Cause(before); !errors.Is(got, want) {
					t.Errorf("the term has ended because of %v, want %v", got, want)
				}
				if got := context.Cause(after); !errors.Is(got, want) {
					t.Errorf("a later term has ended because of %v, want %v", got, want)
				}
				if got := l.down(); !errors.Is(got, want) || l.InRotation() {
					t.Errorf("the link has left because of %v, want %v", got, want)
				}
				k.discard(l)
			})
		})
	}
}

// The contexts of a link end one after another, and its calls may fail in between.
func TestEndOfTheConnectionIsTheReasonWhateverEndsFirst(t *testing.T) {
	closed, gone := connerr.ErrClosed, errors.New("the endpoint is retired")
	for name, tt := range map[string]struct {
		ended func(conn *life.Life, endpoint context.CancelCauseFunc, l *Link)
		want  error
	}{
		"nothing":                        {func(*life.Life, context.CancelCauseFunc, *Link) {}, nil},
		"the connection alone":           {func(conn *life.Life, _ context.CancelCauseFunc, _ *Link) { conn.End() }, closed},
		"the endpoint alone":             {func(_ *life.Life, endpoint context.CancelCauseFunc, _ *Link) { endpoint(gone) }, gone},
		"the transport":                  {func(_ *life.Life, _ context.CancelCauseFunc, l *Link) { l.retire(ErrLost) }, ErrLost},
		"the transport of a closed one":  {func(conn *life.Life, _ context.CancelCauseFunc, l *Link) { conn.End(); l.retire(ErrLost) }, closed},
		"the transport of a retired one": {func(_ *life.Life, endpoint context.CancelCauseFunc, l *Link) { endpoint(gone); l.retire(ErrLost) }, gone},
		"the endpoint of a closed one":   {func(conn *life.Life, endpoint context.CancelCauseFunc, _ *Link) { conn.End(); endpoint(ErrLost) }, closed},
		"the rotation of a closed one":   {func(conn *life.Life, _ context.CancelCauseFunc, l *Link) { conn.End(); l.lose(ErrLost) }, closed},
		"the rotation of a retired one":  {func(_ *life.Life, endpoint context.CancelCauseFunc, l *Link) { endpoint(gone); l.lose(ErrLost) }, gone},
	} {
		t.Run(name, func(t *testing.T) {
			o := &separate{}
			connection := life.New()
			defer connection.End()
			lifetime, retire := context.WithCancelCause(t.Context()) // not of the connection: its end has not come here yet
			o.life = lifetime
			l := newLink(o, &Config{Life: connection}, &transport{})
			defer l.end(nil)
			tt.ended(connection, retire, l)
			if got := l.Ended(); !errors.Is(got, tt.want) || tt.want == nil && got != nil {
				t.Errorf("the link has ended because of %v, want %v", got, tt.want)
			}
			if got := l.down(); !errors.Is(got, tt.want) || tt.want == nil && got != nil {
				t.Errorf("it has left the rotation because of %v, want %v", got, tt.want)
			}
		})
	}
}

// separate is an owner whose lifetime does not end with the connection.
type separate struct {
	owner
	life context.Context
}

func (s *separate) lifetime() context.Context { return s.life }

// inService returns a keeper with a link in service to an address that does not answer. Nothing looks after them.
func inService(t *testing.T) (*keeper, *Link) {
	t.Helper()
	owner := life.New()
	t.Cleanup(func() { <-owner.End() })
	unreachable := Network{Dial: func(parent context.Context, _, _ string) (net.Conn, error) {
		<-parent.Done()
		return nil, parent.Err()
	}}
	config := &Config{Life: owner, ConnectTimeout: time.Hour, Network: unreachable}
	address, err := ParseAddress("127.0.0.1:1", false)
	if err != nil {
		t.Fatal(err)
	}
	k := newKeeper(newEndpoint(newGroup(config), address))
	w := new(wire)
	to, err := dial(address, k.group, w)
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(k.Endpoint, config, newTransport(to, address, w))
	k.activate(l)
	return k, l
}
