// SPDX-License-Identifier: Apache-2.0

// Package claim is what locks and elections share: a key below a name, attached to a lease. Its turn comes when the older keys
// below the name are gone that its [Kind] waits for. The package puts the key, waits for the turn, guards what it holds, and
// leaves nothing behind.
package claim

import (
	"errors"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/lease"
)

// ErrNotAcquired says that there was no turn, and the function never ran. It is wrapped together with the reason.
var ErrNotAcquired = errors.New("not acquired")

// hasRun returns the error of a function that has run. errors.Is does not find ErrNotAcquired in it: that would be about
// another call, within the function.
func hasRun(err error) error {
	if errors.Is(err, ErrNotAcquired) {
		return ranError{err}
	}
	return err
}

type ranError struct{ err error }

func (e ranError) Error() string        { return e.err.Error() }
func (e ranError) Is(target error) bool { return target != ErrNotAcquired && errors.Is(e.err, target) }
func (e ranError) As(target any) bool   { return errors.As(e.err, target) }

// Held is a claim whose turn it is. Rev is the key's create revision. No other holder of the name has or had it.
type Held struct {
	Key    string
	Rev    int64
	Lease  int64
	Header *pb.ResponseHeader // of the answer that said so

	Keeper *lease.Keeper // nil where the lease is the user's to keep
}

// GuardOf returns a guard that is true as long as the key with that create revision exists.
func GuardOf(key string, rev int64) compare.Compare {
	return compare.New(key).CreateRevision(compare.Equal, rev)
}

// ValidUntil returns the time until which a lease is known to be valid, or the zero time if nothing keeps it here.
func ValidUntil(keeper *lease.Keeper) time.Time {
	if keeper == nil {
		return time.Time{}
	}
	return keeper.ValidUntil()
}

// keyOf returns the key that etcd's lock and election services and clientv3 make of a name and a lease.
func keyOf(name string, lease int64) string { return fmt.Sprintf("%s/%x", name, lease) }
