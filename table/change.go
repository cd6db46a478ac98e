// SPDX-License-Identifier: Apache-2.0

package table

// Change is a key that has changed since this reader was told of it last.
type Change[V any] struct {
	Old, New *Entry[V] // Old nil: the key is new; New nil: it was deleted. They are the reader's own.
	// Rev is the revision of the table from which the change was told. The changes of one revision have the same Rev. A reader that
	// was slow gets the changes of several revisions with the newest one.
	Rev int64
	// Resync says that the table has listed its range again since the last change, because history was lost. What happened in
	// between is told as a difference. After the store has gone back, Rev may be lower than before, and every key is told, because
	// its revisions mean something else now.
	Resync bool
}

// Key returns the key that has changed.
func (c Change[V]) Key() string {
	switch {
	case c.New != nil:
		return c.New.Key
	case c.Old != nil:
		return c.Old.Key
	default:
		return ""
	}
}
