// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/internal/recipe/claim"
)

// Shared is [Do] for readers. Any number of Shared calls hold the lock of WithName at the same time. A holder of Do or [Semaphore]
// excludes them all. All of them wait in one queue. A call of Shared waits until no older key in it is of another kind. A call of
// Do waits until no older key is left. So a reader that comes after a waiting writer runs after that writer, and no writer waits
// forever.
//
// Do not take the same lock again within f. If a writer waits for f by then, the inner call waits for that writer, and none of them
// goes on.
//
// Each holder has its own key, whose value is "shared", so [Held] fences its writes as in Do. A candidate of an election of the
// same name with that value would be taken for a reader.
//
// Errors, limits and what is sent are those of Do.
func Shared(parent context.Context, c Request, ttl time.Duration, f func(held context.Context, l Held) error) error {
	_, err := run(parent, c, "a lock.Shared request", f, claim.Holding{TTL: ttl, Kind: claim.Shared})
	return err
}

// Semaphore is [Do] for up to permits holders at a time. It waits in the queue of WithName until fewer than permits older keys of
// semaphores are left in it, and none of another kind. So Do and [Shared] under the same name exclude all holders of permits. Fewer
// than 1 permit is kv.ErrInvalid.
//
// Let all calls under a name give the same number of permits. Calls with different numbers belong to one semaphore, and each of
// them counts older calls only. So a younger call with a greater number may run beside an older one with a smaller number.
//
// Do not take a second permit within f. When all holders wait for another permit, none of them goes on.
//
// Each holder has its own key, whose value is "permits=" and the number, so [Held] fences its writes as in Do. A candidate of an
// election of the same name with such a value would be taken for a holder of a permit.
//
// A call that waits for a permit watches the keys of the youngest older calls, as many as there are permits. For more than 8
// permits it watches the deletions of all keys below the name instead. Errors, limits and what is sent are otherwise those of Do.
func Semaphore(
	parent context.Context, c Request, permits int, ttl time.Duration, f func(held context.Context, l Held) error,
) error {
	_, err := run(parent, c, "a lock.Semaphore request", f, claim.Holding{TTL: ttl, Kind: claim.Permits(permits)})
	return err
}
