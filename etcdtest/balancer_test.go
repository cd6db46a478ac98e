// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

func TestBalancerPassesRequestsOnToTheMembers(t *testing.T) {
	for name, opts := range map[string][]Option{
		"plaintext":     {WithSize(3)},
		"tls":           {WithTLS()},
		"tls and proxy": {WithTLS(), WithProxy()},
	} {
		t.Run(name, func(t *testing.T) {
			c := Start(t, opts...)
			g := dialGRPC(t, c.Balancer().Endpoint(), c.TLSConfig())
			if err := g.put(5*time.Second, "k", "v"); err != nil {
				t.Fatal(err)
			}
			asked := make(map[uint64]bool)
			for range c.Size() {
				r, err := pb.NewMaintenanceClient(g.cc).Status(t.Context(), &pb.StatusRequest{})
				if err != nil {
					t.Fatal(err)
				}
				asked[r.GetHeader().GetMemberId()] = true
			}
			if len(asked) != c.Size() {
				t.Errorf("%d of %d members were asked", len(asked), c.Size())
			}
			_, err := pb.NewKVClient(g.cc).Put(t.Context(), &pb.PutRequest{})
			if grpcstatus.Code(err) != codes.InvalidArgument {
				t.Errorf("a put without a key: %v, want the member's refusal", err)
			}
		})
	}
}

// startWatch watches a key through the balancer. It returns a function that waits for the next message.
func startWatch(t *testing.T, g stub, key string) func() (*pb.WatchResponse, error) {
	t.Helper()
	stream, err := pb.NewWatchClient(g.cc).Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	create := &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{Key: []byte(key)}}
	if err := stream.Send(&pb.WatchRequest{RequestUnion: create}); err != nil {
		t.Fatal(err)
	}
	if r, err := stream.Recv(); err != nil || !r.GetCreated() {
		t.Fatalf("watch: %v, %v", r, err)
	}
	return stream.Recv
}

func TestBalancerRetiresConnectionsWithoutAFailedCall(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		retire  func(*Balancer)
		callers int
		pause   time.Duration
	}{
		"busy by age":      {func(b *Balancer) { b.RetireAfter(200*time.Millisecond, 0) }, 4, 0},
		"idle by age":      {func(b *Balancer) { b.RetireAfter(200*time.Millisecond, 0) }, 1, 3 * time.Millisecond},
		"busy by requests": {func(b *Balancer) { b.RetireAfterRequests(100) }, 4, 0},
	} {
		for security, opts := range map[string][]Option{"plaintext": nil, "tls": {WithTLS()}} {
			t.Run(name+" "+security, func(t *testing.T) {
				c := Start(t, opts...)
				b := c.Balancer()
				tc.retire(b)
				g := dialGRPC(t, b.Endpoint(), c.TLSConfig())
				life, end := context.WithTimeout(t.Context(), time.Minute)
				defer end()
				var callers sync.WaitGroup
				for i := range tc.callers {
					callers.Go(func() {
						for life.Err() == nil && b.Retired() < 5 {
							if err := g.put(10*time.Second, fmt.Sprint(i), "v"); err != nil {
								t.Errorf("put after %d retirements: %v", b.Retired(), err)
								return
							}
							time.Sleep(tc.pause)
						}
					})
				}
				callers.Wait()
				if b.Retired() < 5 {
					t.Errorf("only %d connections were retired", b.Retired())
				}
			})
		}
	}
}

func TestBalancerLetsStreamsOfARetiredConnectionRunForTheGrace(t *testing.T) {
	c := Start(t)
	b := c.Balancer()
	g := dialGRPC(t, b.Endpoint(), nil)
	next := startWatch(t, g, "k")
	b.RetireAfter(time.Millisecond, 0)
	eventually(t, 5*time.Second, "retirement", func() error {
		if b.Retired() == 0 {
			return fmt.Errorf("none")
		}
		return nil
	})
	b.RetireAfter(0, 0)
	mustPut(t, clientOf(c, c.Member(0)), "k", "v")
	if r, err := next(); err != nil || len(r.GetEvents()) != 1 {
		t.Errorf("on a retired connection: %v, %v", r, err)
	}

	next = startWatch(t, g, "k") // on the next connection
	b.RetireAfter(time.Millisecond, 100*time.Millisecond)
	if r, err := next(); grpcstatus.Code(err) != codes.Unavailable {
		t.Errorf("after the grace: %v, %v; want it cut off", r, err)
	}
}

func TestBalancerAnnouncesTheEndOfAnIdleConnection(t *testing.T) {
	t.Parallel()
	for name, retire := range map[string]func(*Balancer){
		"RetireAfter": func(b *Balancer) { b.RetireAfter(50*time.Millisecond, 0) },
		"RetireIdle":  func(b *Balancer) { b.RetireIdle(50 * time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			b := Start(t).Balancer()
			retire(b)
			conn, err := net.Dial("tcp4", b.Endpoint())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			emptySettings := "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
			if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+emptySettings); err != nil {
				t.Fatal(err)
			}
			var types []byte // of the frames
			for {
				header := make([]byte, 9)
				if _, err = io.ReadFull(conn, header); err != nil {
					break
				}
				types = append(types, header[3])
				length := int64(header[0])<<16 | int64(header[1])<<8 | int64(header[2])
				if _, err = io.CopyN(io.Discard, conn, length); err != nil {
					break
				}
			}
			const goAway = 7
			if !errors.Is(err, io.EOF) || len(types) == 0 || types[len(types)-1] != goAway {
				t.Errorf("frames of types %v, then %v; want a GOAWAY (%d), then the end", types, err, goAway)
			}
		})
	}
}

func TestBalancerGoesOnWithoutAMemberAndAnswers502WithoutAny(t *testing.T) {
	c := Start(t, WithSize(3))
	all, one := c.Balancer(), c.Balancer(c.Member(0))
	leader := mustLeader(t, c)
	for _, m := range c.Members() {
		if m != leader && m != c.Member(0) {
			m.Kill()
			break
		}
	}
	g := dialGRPC(t, all.Endpoint(), nil)
	for range 6 {
		if err := g.put(5*time.Second, "k", "v"); err != nil {
			t.Errorf("with one member of three down: %v", err)
		}
	}
	c.Member(0).Kill()
	err := dialGRPC(t, one.Endpoint(), nil).put(5*time.Second, "k", "v")
	if s, _ := grpcstatus.FromError(err); s.Code() != codes.Unavailable {
		t.Errorf("with no member: %v", err)
	}
}

// A read that lasts until its context ends reaches the member, and leaves it at that time.
func TestBalancerPassesOnDeadlinesAndCancellations(t *testing.T) {
	c := Start(t, WithProxy())
	b := c.Balancer()
	g := dialGRPC(t, b.Endpoint(), nil)
	if err := g.put(5*time.Second, "k", "v"); err != nil {
		t.Fatal(err)
	}
	c.Member(0).Pause()
	begin := time.Now()
	if err := g.put(200*time.Millisecond, "k", "v"); grpcstatus.Code(err) != codes.DeadlineExceeded {
		t.Errorf("put at a paused member: %v after %v", err, time.Since(begin))
	}
	eventually(t, 5*time.Second, "end of the request", func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.requests > 0 {
			return fmt.Errorf("%d under way", b.requests)
		}
		return nil
	})
	c.Member(0).Resume()
}

func TestBalancerClosesWithRequestsUnderWay(t *testing.T) {
	c, err := Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := c.Balancer()
	retired := startWatch(t, dialGRPC(t, b.Endpoint(), nil), "k")
	b.RetireAfter(time.Millisecond, 0)
	eventually(t, 5*time.Second, "retirement", func() error {
		if b.Retired() == 0 {
			return fmt.Errorf("none")
		}
		return nil
	})
	b.RetireAfter(0, 0)
	kept := startWatch(t, dialGRPC(t, b.Endpoint(), nil), "k")
	begin := time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("Close took %v", took)
	}
	for name, next := range map[string]func() (*pb.WatchResponse, error){"retired": retired, "kept": kept} {
		if r, err := next(); err == nil {
			t.Errorf("the watch on the %s connection goes on after Close: %v", name, r)
		}
	}
	if b := c.Balancer(); b != nil {
		t.Errorf("a balancer of a closed cluster: %s", b.Endpoint())
	}
}

func TestBalancerBeforeNoMemberIsAFailure(t *testing.T) {
	c, err := Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b := c.Balancer(nil); b != nil {
		t.Errorf("a balancer before nobody: %s", b.Endpoint())
	}
	if err := c.Close(); err == nil {
		t.Error("no failure")
	}
}
