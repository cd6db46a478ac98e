// SPDX-License-Identifier: Apache-2.0

package table

// Option is an option of [Follow] and [Live] for values of type V.
type Option[V any] func(*options[V])

type options[V any] struct {
	validate func(V) error
	onChange func(Change[V])
	onError  func(string, error)
	fallback *V
}

// WithValidate refuses each value for which f returns an error, as if it did not decode. The default refuses none.
func WithValidate[V any](f func(value V) error) Option[V] {
	return func(o *options[V]) { o.validate = f }
}

// WithOnChange calls f with what [Table.Changes] tells: each entry of the first list, and then each change. The calls come one
// after the other, on a goroutine of their own. A slow f delays neither the table nor its readers, and gets the newest state of
// each key. f may call Close. Close does not wait for f, so one last call may still run after it. A panic of f is not caught, and ends
// the program.
func WithOnChange[V any](f func(Change[V])) Option[V] {
	return func(o *options[V]) { o.onChange = f }
}

// WithOnError calls f for each value that does not decode or is refused by WithValidate. The last good value of the key stays, and
// [Status] lists the key. The table waits for f, so f must not call Close, Sync or WaitRev. The same holds for decode and for the
// function of WithValidate. A panic of f is logged to grpclog, which is gRPC's log. Go cannot infer V here, so write it:
//
//	table.WithOnError[string](f)
func WithOnError[V any](f func(key string, err error)) Option[V] {
	return func(o *options[V]) { o.onError = f }
}

// WithDefault sets the value that [Value.Load] returns where there is none. It is for [Live] only.
func WithDefault[V any](value V) Option[V] {
	return func(o *options[V]) { o.fallback = &value }
}

func optionsOf[V any](opts []Option[V]) options[V] {
	var o options[V]
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return o
}
