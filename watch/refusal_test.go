// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/watch"
)

// refuse waits for a creation and refuses it. Like a real server, it does not say which one it refuses.
func (s *serverStream) refuse(t *testing.T, reason string) {
	t.Helper()
	s.create(t)
	s.send(t, &pb.WatchResponse{Header: at(1), WatchId: -1, Created: true, Canceled: true, CancelReason: reason})
}

func TestRefusalForAPassingReasonIsRetriedAndAnotherIsFinal(t *testing.T) {
	for _, tt := range []struct {
		reason string
		is     error // nil: passing
	}{
		{"rpc error: code = Unauthenticated desc = etcdserver: invalid auth token", nil},
		{"etcdserver: invalid auth token", nil},
		{"rpc error: code = InvalidArgument desc = etcdserver: revision of auth store is old", nil},
		{"", nil},
		{"rpc error: code = PermissionDenied desc = etcdserver: permission denied", etcderr.ErrPermissionDenied},
		{"etcdserver: user name is empty", etcderr.ErrUserEmpty},
		{"mvcc: watcher range is empty", status.Error(codes.Unknown, "mvcc: watcher range is empty")},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				c := openFake(t, m)
				first := begin(c.WithKey("k"))
				s := m.opened()
				s.confirm(t, 4)
				neighbour := first.wait(t)
				pending := begin(c.WithKey("z"))
				s.refuse(t, tt.reason)
				if tt.is != nil {
					<-pending.created
					if !errors.Is(pending.err, tt.is) && status.Convert(pending.err).Message() != status.Convert(tt.is).Message() {
						t.Errorf("got %v", pending.err)
					}
					s.tell(t, 1, 5)
				} else {
					s = m.opened()
					keys := string(s.confirm(t, 4).Key) + string(s.confirm(t, 4).Key)
					if w := pending.wait(t); w.Err() != nil || keys != "kz" && keys != "zk" {
						t.Errorf("created again: %s; error of the refused watch: %v", keys, w.Err())
					}
					id := int64(1)
					if keys == "zk" {
						id = 2
					}
					s.tell(t, id, 5)
				}
				if got := brief(read(t, neighbour, 1)); got != "PUT k=5.0" {
					t.Errorf("the neighbour got %s", got)
				}
			})
		})
	}
}

// A refusal does not name its watch. Answers come in the order of the requests.
func TestRefusalEndsTheWatchThatWasRequestedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		c := openFake(t, m)
		var all []*pending
		for _, key := range []string{"a", "b", "c", "d"} {
			all = append(all, begin(c.WithKey(key)))
			synctest.Wait()
		}
		s := m.opened()
		s.confirm(t, 1)
		s.refuse(t, "etcdserver: permission denied")
		s.confirm(t, 1)
		s.refuse(t, "etcdserver: user name is empty")
		for i, is := range []error{nil, etcderr.ErrPermissionDenied, nil, etcderr.ErrUserEmpty} {
			<-all[i].created
			if !errors.Is(all[i].err, is) {
				t.Errorf("watch %d: got %v, want %v", i, all[i].err, is)
			}
		}
		s.tell(t, 3, 2)
		s.tell(t, 1, 3)
		if got := brief(read(t, all[0].w, 1)) + ", " + brief(read(t, all[2].w, 1)); got != "PUT k=3.0, PUT k=2.0" {
			t.Errorf("got %s", got)
		}
		s.send(t, &pb.WatchResponse{Header: at(1), WatchId: 50, Created: true}) // which nobody has asked for
		next := m.opened()
		next.confirm(t, 4)
		next.confirm(t, 4)
	})
}

// lostByProxy is what a proxy answers that loses its member while it asks that for a permission.
const lostByProxy = "rpc error: code = Unavailable desc = error reading from server: connection reset by peer"

// TestCreationThatAProxyCouldNotPassOnIsRepeated has the first creation on a stream and a later one refused.
func TestCreationThatAProxyCouldNotPassOnIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		c := openFake(t, m)
		first := begin(c.WithKey("a"))
		m.opened().refuse(t, lostByProxy)
		s := m.opened()
		s.confirm(t, 1)
		first.wait(t)
		second := begin(c.WithKey("b"))
		synctest.Wait()
		s.refuse(t, lostByProxy)
		s = m.opened()
		s.confirm(t, 1)
		s.confirm(t, 1)
		second.wait(t)
	})
}

// A server may end a watch that exists. If the reason passes, the watch is created again where it stands.
func TestWatchThatTheServerEndsResumesOrTellsTheFinalReason(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer *pb.WatchResponse
		is     error // nil: it goes on
	}{
		{"for no reason", &pb.WatchResponse{}, nil},
		{"for a passing one", &pb.WatchResponse{CancelReason: "etcdserver: invalid auth token"}, nil},
		{"for a member that a proxy lost", &pb.WatchResponse{CancelReason: lostByProxy}, nil},
		{"for a final one", &pb.WatchResponse{CancelReason: "etcdserver: permission denied"}, etcderr.ErrPermissionDenied},
		{"for compaction", &pb.WatchResponse{CompactRevision: 9}, etcderr.ErrCompacted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				pending := begin(openFake(t, m).WithKey("k"))
				s := m.opened()
				s.confirm(t, 4)
				w := pending.wait(t)
				s.tell(t, 1, 5)
				tt.answer.WatchId, tt.answer.Canceled, tt.answer.Header = 1, true, at(5)
				s.send(t, tt.answer)
				if tt.is == nil {
					next := m.opened()
					if rev := next.confirm(t, 5).StartRevision; rev != 6 {
						t.Errorf("resumed at %d, want 6", rev)
					}
					next.tell(t, 1, 6)
					if got := brief(read(t, w, 2)); got != "PUT k=5.0, PUT k=6.0" {
						t.Errorf("got %s", got)
					}
					return
				}
				if got := brief(read(t, w, 1)); got != "PUT k=5.0" {
					t.Errorf("got %s", got)
				}
				for r, err := range w.Responses() {
					if !errors.Is(err, tt.is) {
						t.Errorf("got %v, %v", r, err)
					}
				}
				var compacted *watch.CompactedError
				if errors.As(w.Err(), &compacted) != (tt.answer.CompactRevision != 0) {
					t.Errorf("Err is %v", w.Err())
				}
			})
		})
	}
}

// A load balancer that reloads its configuration refuses streams with an HTTP status, which gRPC turns into a code. With 404 it has no
// member yet. With another status it may not want this client.
func TestRefusalByALoadBalancerEndsNoWatchThatAServerHasCreated(t *testing.T) {
	for _, tt := range []struct {
		stray error
		final bool // for a watch that no server has created
	}{
		{status.Error(codes.PermissionDenied, "unexpected HTTP status code received from server: 403 (Forbidden)"), true},
		{status.Error(codes.Unimplemented, "unexpected HTTP status code received from server: 404 (Not Found)"), false},
	} {
		t.Run(status.Code(tt.stray).String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				c := openFake(t, m).WithKey("k")
				first := begin(c)
				m.opened().end(tt.stray)
				if tt.final {
					<-first.created
					if status.Code(first.err) != status.Code(tt.stray) {
						t.Errorf("a watch that no server has created: %v", first.err)
					}
					first = begin(c)
				}
				s := m.opened()
				s.confirm(t, 4)
				w := first.wait(t)
				s.tell(t, 1, 5)
				s.end(tt.stray)
				m.opened().end(tt.stray)
				s = m.opened()
				if rev := s.confirm(t, 5).StartRevision; rev != 6 {
					t.Errorf("resumed at %d, want 6", rev)
				}
				s.tell(t, 1, 6)
				if got := brief(read(t, w, 2)); got != "PUT k=5.0, PUT k=6.0" {
					t.Errorf("got %s", got)
				}
			})
		})
	}
}

func TestPausesBetweenStreamsGrowUntilAStreamLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		pending := begin(openFake(t, m).WithKey("k").WithTimeout(time.Minute))
		var pauses []time.Duration
		for range 20 {
			s := m.opened()
			s.refuse(t, "etcdserver: invalid auth token")
			ended := time.Now()
			m.streams <- m.opened()
			pauses = append(pauses, time.Since(ended))
		}
		const least, most = 10 * time.Millisecond, 3 * time.Second
		for i, p := range pauses {
			if p < least || p > most {
				t.Errorf("pause %d is %v", i, p)
			}
		}
		if pauses[19] < 200*time.Millisecond {
			t.Errorf("pauses do not grow: %v", pauses)
		}
		s := m.opened()
		s.confirm(t, 4)
		pending.wait(t)
		time.Sleep(2 * time.Second) // a stream that lasts
		ended := time.Now()
		s.end(errGoingDown)
		m.opened().confirm(t, 5)
		if p := time.Since(ended); p > 30*time.Millisecond {
			t.Errorf("after a stream that lasted the pause is %v", p)
		}
	})
}
