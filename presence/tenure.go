// SPDX-License-Identifier: Apache-2.0

package presence

import "github.com/eetcd-go/eetcd/lease"

// tenure is the time under one lease. Its ID is chosen here, and is of one grant only: so it can be revoked whatever became of
// the answer, and nothing can be put under it after that.
type tenure struct {
	id     int64
	keeper *lease.Keeper
}

// over reports whether the lease has ended, or may have.
func (t *tenure) over() bool {
	select {
	case <-t.keeper.Done():
		return true
	default:
		return false
	}
}

func (t *tenure) reason() error {
	if err := t.keeper.Err(); err != nil {
		return err
	}
	return ErrSession // whose owner has given it up
}
