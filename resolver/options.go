// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/grpclog"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/render"
)

// Option is an option of [Builder].
type Option func(*options)

type options struct {
	decode  func(*mvccpb.KeyValue) (Instance, error)
	keep    time.Duration
	onError func(key string, err error)
	invalid error
}

// keepLast is the default of WithKeepLast. A presence is back within a few seconds of its server. Thousands of them take longer.
const keepLast = 30 * time.Second

func optionsOf(opts []Option) options {
	o := options{decode: readJSON, keep: keepLast, onError: func(string, error) {}}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return o
}

// WithFormat reads instances of a format of your own. f is called for each value, one at a time for each client; it must not
// change the pair. The default is the JSON of [Instance]. With a nil f every target is refused with kv.ErrInvalid.
//
// A value that f refuses, or an Instance without Addr, is skipped: the key keeps the last instance that it had, or has none. So
// is a value on which f panics. See [WithOnError].
func WithFormat(f func(*mvccpb.KeyValue) (Instance, error)) Option {
	return func(o *options) {
		if o.decode = f; f == nil {
			o.invalid = render.AlsoInvalid(o.invalid, "resolver: the function of WithFormat is nil")
		}
	}
}

// WithKeepLast sets for how long gRPC keeps the last instances where all of them vanish. They vanish from an etcd that was wiped,
// or restored from an older snapshot, until they have registered again, and all the while they serve. The first instance that is
// registered ends that time. The default is 30 s. With 0 gRPC is told at once that there are none: its calls fail with
// codes.Unavailable, or wait where they are to wait for a ready server. A negative d is kv.ErrInvalid.
//
// It costs little if the instances are gone indeed: calls fail with codes.Unavailable then too, for their addresses refuse them.
func WithKeepLast(d time.Duration) Option {
	return func(o *options) {
		if o.keep = d; d < 0 {
			o.invalid = render.AlsoInvalid(o.invalid, fmt.Sprintf("resolver: the time of WithKeepLast is %v", d))
		}
	}
}

// WithOnError has f called for each value that is skipped, once for each put of it, with the key and the reason. f must return
// soon, since the list waits for it. Without it, and beside it, the reason is logged as a warning by grpclog, gRPC's log. It is
// never logged with the value.
func WithOnError(f func(key string, err error)) Option {
	return func(o *options) {
		if f != nil {
			o.onError = f
		}
	}
}

// logger is gRPC's log, which says nothing below errors unless GRPC_GO_LOG_SEVERITY_LEVEL asks for it.
var logger = grpclog.Component("etcd-resolver")

// errNoAddr is why an instance is skipped that has no address.
var errNoAddr = errors.New("resolver: the instance has no Addr")

func readJSON(pair *mvccpb.KeyValue) (i Instance, err error) {
	err = json.Unmarshal(pair.GetValue(), &i)
	return i, err
}

// read reads an instance of a pair.
func (o *options) read(pair *mvccpb.KeyValue) (i Instance, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("resolver: the function of WithFormat panicked: %v", p)
		}
	}()
	i, err = o.decode(pair)
	if err == nil && i.Addr == "" {
		err = errNoAddr
	}
	return i, err
}
