// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
)

// denied is what a server answers to a transaction with a key that the user may not read.
func denied(keys []string) error {
	for _, key := range keys {
		if strings.HasPrefix(key, "denied") {
			return etcderr.FromRPC(status.Error(codes.PermissionDenied, "etcdserver: permission denied"), etcderr.Call{Sent: true})
		}
	}
	return nil
}

func TestRefusedTripIsReadOneByOneAndItsReasonTravelsAloneAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond, refuse: denied}
		b := s.batches()
		var reading sync.WaitGroup
		read := func(key string, want error) {
			reading.Go(func() {
				if err := s.get(t.Context(), b, key, time.Minute); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", key, err, want)
				}
			})
			synctest.Wait()
		}
		for range 2 {
			for _, key := range names(4) {
				read(key, nil)
			}
			read("denied", etcderr.ErrPermissionDenied)
			reading.Wait()
		}
		s.want(t, 1+4+1+1, 4, 3)
	})
}

func TestConnectionWhoseTripsAreRefusedStopsBatchingForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond, refuse: func(keys []string) error {
			if len(keys) > 1 {
				return etcderr.FromRPC(status.Error(codes.Unimplemented, "no transactions"), etcderr.Call{Sent: true})
			}
			return nil
		}}
		b := s.batches()
		for range 3 {
			s.together(t, b, names(4)...)
		}
		s.want(t, 12, 3, 3, 3)
		s.together(t, b, names(4)...)
		s.want(t, 4)
		time.Sleep(restMin)
		s.together(t, b, names(4)...)
		s.want(t, 4, 3)
	})
}

func TestAnswerThatLacksAReadCountsAsARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond, broken: true}
		s.together(t, s.batches(), names(4)...)
		s.want(t, 4, 3)
	})
}
