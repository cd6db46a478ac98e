// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

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
	k := &keeper{Endpoint: newEndpoint(newGroup(config), address)}
	w := new(wire)
	to, err := dial(address, k.group, w)
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(k.Endpoint, config, newTransport(to, address, w))
	k.activate(l)
	return k, l
}
