// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"github.com/eetcd-go/eetcd/resolver"
)

const callers = 16

// balanced has calls go to all services in turn. A call that a dying service took is sent again, to another one.
const balanced = `{"loadBalancingConfig":[{"round_robin":{}}],"methodConfig":[{"name":[{}],"waitForReady":true,"retryPolicy":` +
	`{"maxAttempts":5,"initialBackoff":"0.01s","maxBackoff":"0.1s","backoffMultiplier":2,"retryableStatusCodes":["UNAVAILABLE"]}}]}`

// traffic counts what the callers of a gRPC client see.
type traffic struct {
	mu       sync.Mutex
	answered map[string]int // by address
	last     map[string]int
	made     int
	failed   error // the first error
	failures int
}

// call keeps calling the service from many goroutines. It returns when ctx ends.
func (c *traffic) call(ctx context.Context) error {
	client, err := grpc.NewClient("etcd:///"+service,
		grpc.WithResolvers(resolver.Builder(connection)),
		grpc.WithDefaultServiceConfig(balanced),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer client.Close()
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for ctx.Err() == nil {
				var at peer.Peer
				_, err := healthpb.NewHealthClient(client).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Peer(&at))
				if ctx.Err() == nil {
					c.note(at, err)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	running.Wait()
	return nil
}

func (c *traffic) note(at peer.Peer, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made++
	if err != nil {
		c.failures++
		if c.failed == nil {
			c.failed = err
		}
		return
	}
	if c.answered == nil {
		c.answered = map[string]int{}
	}
	c.answered[at.Addr.String()]++
}

// sinceLast returns how many calls each address has answered since it was called last.
func (c *traffic) sinceLast() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	since := maps.Clone(c.answered)
	for address, n := range c.last {
		since[address] -= n
	}
	c.last = maps.Clone(c.answered)
	return since
}

// sum says how it went.
func (c *traffic) sum() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return fmt.Sprintf("%d calls, %d failed, the first with: %v", c.made, c.failures, c.failed)
	}
	return fmt.Sprintf("%d calls, none failed", c.made)
}

// more waits for n more calls.
func (c *traffic) more(ctx context.Context, n int) error {
	c.mu.Lock()
	until := c.made + n
	c.mu.Unlock()
	for {
		c.mu.Lock()
		enough := c.made >= until
		c.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting for calls: %w", ctx.Err())
		}
	}
}
