// SPDX-License-Identifier: Apache-2.0

// Package claim has what locks and elections share. A claim is a key below a name, attached to a lease. Its [Kind] says for which
// of the older keys below the name it waits. When they are gone, it is the turn of the claim. The package puts the key, waits for
// the turn, watches the key while the turn lasts, and leaves nothing behind.
package claim

import (
	"errors"
	"fmt"

	"github.com/eetcd-go/eetcd/compare"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// ErrNotAcquired says that there was no turn, and the function never ran. It is wrapped together with the reason.
var ErrNotAcquired = errors.New("not acquired")

// hasRun returns the error of a function that has run, in a form in which errors.Is does not find ErrNotAcquired. That error
// would be about another call, within the function.
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

// Held is a claim whose turn it is. Rev is the key's create revision, and no other holder of the name has the same one.
type Held struct {
	Key    string
	Rev    int64
	Lease  int64
	Header *pb.ResponseHeader // of the answer that said so

	Term *Term // nil where the lease is the user's to keep
}

// GuardOf returns a guard that is true as long as the key with that create revision exists.
func GuardOf(key string, rev int64) compare.Compare {
	return compare.New(key).CreateRevision(compare.Equal, rev)
}

// keyOf returns the key that etcd's lock and election services and clientv3 make of a name and a lease.
func keyOf(name string, lease int64) string { return fmt.Sprintf("%s/%x", name, lease) }
