// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
)

// TestPutManyAccountsForEachPairWhenAMemberIsKilled kills the leader and a follower in turn, in the middle of a PutMany, until four
// of these have failed. It compares each account with the store.
func TestPutManyAccountsForEachPairWhenAMemberIsKilled(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c := open(t, cluster.Endpoints())
	request := kv.New(c.Name()).WithTimeout(time.Minute)
	pick := newRand(t)
	const rounds = 40
	unknown, failures := 0, 0
	for round := range rounds {
		if failures >= 4 && unknown > 0 {
			break
		}
		r := follower
		if round%2 == 0 {
			r = leader
		}
		victim, at := memberOf(t, cluster, r, pick), 2000+pick.IntN(2000)
		prefix := fmt.Sprintf("many/%03d/", round)
		taken, killed := 0, false
		written, err := kv.PutMany(t.Context(), request, func(yield func(string, string) bool) {
			for ; taken < 20_000; taken++ {
				if taken == at {
					victim.Kill()
					killed = true
				}
				if !yield(prefix+fmt.Sprintf("%06d", taken), "v") {
					taken++ // it has this one
					return
				}
			}
		})
		if killed {
			victim.Restart()
		}
		onecluster.Eventually(t, 30*time.Second, "a leader that serves", func() error {
			_, err := kv.Get(t.Context(), kv.New(c.Name()).WithKey("many/"))
			if err == nil && cluster.Leader() == nil {
				err = errors.New("no leader")
			}
			return err
		})
		there := placesOf(t, request, prefix)
		account := &kv.PartialError{}
		switch {
		case err == nil && written.Pairs == taken:
			account.Written = taken
		case !errors.As(err, &account):
			t.Fatalf("%+v of %d pairs, %v", written, taken, err)
		default:
			failures++
			unknown += account.Unknown
		}
		t.Logf("the %s killed at pair %d: %d written, %d unknown, %d not written; %d are there: %v",
			r, at, account.Written, account.Unknown, account.NotWritten, len(there), err)
		if sum := account.Written + account.Unknown + account.NotWritten; sum != taken {
			t.Errorf("the account is of %d pairs, and %d were taken", sum, taken)
		}
		for i := range taken {
			switch {
			case i < account.Written && !there[i]:
				t.Fatalf("pair %d counts as written, and is not there", i)
			case i >= account.Written+account.Unknown && there[i]:
				t.Fatalf("pair %d counts as not written, and is there", i)
			}
		}
	}
	if unknown == 0 {
		t.Errorf("no pair was unknown in %d rounds with %d failures", rounds, failures)
	}
}

// placesOf returns which pairs are in the store. It fails for a pair that was written twice.
func placesOf(t *testing.T, request kv.Request, prefix string) map[int]bool {
	t.Helper()
	there := map[int]bool{}
	parent, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for pair, err := range kv.All(parent, request.WithKey(prefix).WithPrefix()) {
		if err != nil {
			t.Fatal(err)
		}
		var i int
		if _, err := fmt.Sscanf(string(pair.GetKey()[len(prefix):]), "%d", &i); err != nil {
			t.Fatal(err)
		}
		if pair.GetVersion() != 1 {
			t.Fatalf("pair %d was written %d times", i, pair.GetVersion())
		}
		there[i] = true
	}
	return there
}
