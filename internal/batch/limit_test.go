// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
)

// takes lets a server take at most so many operations, and counts the trips that it refuses.
func (s *server) takes(limit int) (refused *atomic.Int64) {
	refused = &atomic.Int64{}
	s.refuse = func(keys []string) error {
		if len(keys) <= limit {
			return nil
		}
		refused.Add(1)
		return etcderr.FromRPC(status.Error(codes.InvalidArgument, "etcdserver: too many operations in txn request"), etcderr.Call{Sent: true})
	}
	return refused
}

// taught returns a server that takes at most so many operations, and batches that have learnt it.
func taught(t *testing.T, limit int) (*server, *Batches) {
	s := &server{way: 900 * time.Microsecond}
	s.takes(limit)
	b := s.batches()
	for range 4 {
		s.together(t, b, names(1+opsMax)...)
	}
	return s, b
}

func TestSmallerLimitOfOperationsIsLearnt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := taught(t, 16)
		s.alone, s.trips = nil, nil
		s.together(t, b, names(1+opsMax)...)
		s.want(t, 1, 16, 16, 16, 16, 16, 16, 16, 16)
	})
}

func TestLargerLimitOfOperationsIsLearntWithoutAStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := taught(t, 16)
		const pause, minutes = 20 * time.Second, 5
		refused := s.takes(16)
		for range minutes * time.Minute / pause {
			time.Sleep(pause)
			s.together(t, b, names(1+opsMax)...)
		}
		if n, most := refused.Load(), int64(minutes*time.Minute/limitAge); n > most {
			t.Errorf("%d trips were refused in %d minutes, want at most %d", n, minutes, most)
		}
		s.takes(opsMax) // the server has restarted with a larger limit
		for range limitAge/pause + 8 {
			time.Sleep(pause)
			s.together(t, b, names(1+opsMax)...)
		}
		s.alone, s.trips = nil, nil
		s.together(t, b, names(1+opsMax)...)
		s.want(t, 1, opsMax)
	})
}
