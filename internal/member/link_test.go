// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/eetcd-go/eetcd/internal/life"
)

// A context that has not ended stays among the children of its endpoint's.
func TestLostLinkEndsItsContextsWithItsLastUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		owner := life.New()
		defer func() { <-owner.End() }()
		config := &Config{Life: owner}
		address, err := ParseAddress("a:1", false)
		if err != nil {
			t.Fatal(err)
		}
		cc, err := grpc.NewClient("passthrough:a:1", grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		k := &keeper{Endpoint: newEndpoint(newGroup(config), address)}
		l := newLink(k.Endpoint, config, newTransport(cc, address, new(wire)))
		k.activate(l)
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
