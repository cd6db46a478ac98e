// SPDX-License-Identifier: Apache-2.0

// Package claim is what locks and elections have in common: a key of one's own below a name, attached to a lease, whose
// turn comes when all older keys below the name are gone. It puts the key, waits for the turn, watches over what it
// holds, and leaves nothing behind.
package claim

import (
	"errors"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/lease"
)

// ErrNotAcquired says that there was no turn: the function never ran. It comes wrapped together with the reason.
var ErrNotAcquired = errors.New("not acquired")

// hasRun is the error of a function that has run: errors.Is does not find ErrNotAcquired in it, which is about the function
// of another call, one within it.
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

// Held is a claim whose turn it is. Rev is the key's create revision, which no other holder of the name has or had.
type Held struct {
	Key    string
	Rev    int64
	Lease  int64
	Header *pb.ResponseHeader // of the answer that said so

	Keeper *lease.Keeper // nil where the lease is the user's to keep
}

// GuardOf is true as long as the key with that create revision is there.
func GuardOf(key string, rev int64) compare.Compare {
	return compare.New(key).CreateRevision(compare.Equal, rev)
}

// ValidUntil is until when a lease is known to be valid, and the zero time where nothing keeps it here.
func ValidUntil(keeper *lease.Keeper) time.Time {
	if keeper == nil {
		return time.Time{}
	}
	return keeper.ValidUntil()
}

// keyOf is the key that etcd's lock and election services and clientv3 make of a name and a lease.
func keyOf(name string, lease int64) string { return fmt.Sprintf("%s/%x", name, lease) }
