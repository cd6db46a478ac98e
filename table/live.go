// SPDX-License-Identifier: Apache-2.0

package table

import (
	"context"
	"iter"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Value is the value of one key, kept up to date. [Live] makes one. It is safe for concurrent use.
type Value[V any] struct {
	table    *Table[V]
	key      string
	fallback *V
}

// Live makes a [Table] of one key. Its options and errors are those of [Follow], and WithDefault. The key need not exist.
//
//	limits, err := table.Live(ctx, table.New("registry").WithKey("config/limits"), table.JSON[Limits],
//		table.WithDefault(Limits{Rate: 100}), table.WithValidate(Limits.Check))
func Live[V any](parent context.Context, c Request, decode func(*mvccpb.KeyValue) (V, error), opts ...Option[V]) (*Value[V], error) {
	o := optionsOf(opts)
	err := check(parent, c, "a table.Live request", decode == nil)
	if request, rendered := render.Range(c); rendered == nil && len(request.GetRangeEnd()) > 0 {
		err = render.AlsoInvalid(err, "table: Live takes one key, and this is a range")
	}
	if err != nil {
		return nil, err
	}
	t, err := start(parent, c, decode, o)
	if err != nil {
		return nil, err
	}
	return &Value[V]{table: t, key: sealed.Ctx(c).Key(), fallback: o.fallback}, nil
}

// Load returns the newest value that decodes. If the key does not exist, or no value of it has decoded yet, Load returns the value of
// WithDefault. Without a default it reports false. It calls no server and allocates nothing.
func (v *Value[V]) Load() (value V, there bool) {
	if e, there := v.table.Get(v.key); there {
		return e.Value, true
	}
	if v.fallback != nil {
		return *v.fallback, true
	}
	return value, false
}

// Entry returns the newest value that decodes, with the revisions and the lease of its key. It reports false where Load would return
// the default.
func (v *Value[V]) Entry() (Entry[V], bool) { return v.table.Get(v.key) }

// Changes is [Table.Changes].
func (v *Value[V]) Changes(parent context.Context) iter.Seq[Change[V]] {
	return v.table.Changes(parent)
}

// WaitRev is [Table.WaitRev].
func (v *Value[V]) WaitRev(parent context.Context, rev int64) error {
	return v.table.WaitRev(parent, rev)
}

// Sync is [Table.Sync].
func (v *Value[V]) Sync(parent context.Context) error { return v.table.Sync(parent) }

// Status is [Table.Status].
func (v *Value[V]) Status() Status { return v.table.Status() }

// Done is [Table.Done].
func (v *Value[V]) Done() <-chan struct{} { return v.table.Done() }

// Err is [Table.Err].
func (v *Value[V]) Err() error { return v.table.Err() }

// Close is [Table.Close].
func (v *Value[V]) Close() error { return v.table.Close() }
