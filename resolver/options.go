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

// WithFormat reads instances in a format of your own. The default is the JSON of [Instance]. A resolver calls f for each value, one at
// a time. f must not change the pair. It must not close the gRPC client, because Close waits for f. With a nil f every target is
// refused with kv.ErrInvalid.
//
// If f returns an error or an Instance without Addr, or panics, the resolver skips the value: the key keeps its last instance, or has
// none. See [WithOnError].
func WithFormat(f func(*mvccpb.KeyValue) (Instance, error)) Option {
	return func(o *options) {
		if o.decode = f; f == nil {
			o.invalid = render.AlsoInvalid(o.invalid, "resolver: the function of WithFormat is nil")
		}
	}
}

// WithKeepLast sets how long gRPC keeps instances that vanish all at once. That happens where etcd was wiped, or restored from an
// older copy: the instances still serve, but need a while to register again. So gRPC has the last instances as well as those that are
// registered again. An instance that is back counts as any other, and the rest go after d. The same holds where the last key of a
// service is deleted. The time does not run while etcd is out of reach, and begins anew after that. The default is 30 s. A negative d
// is kv.ErrInvalid.
//
// That also holds if etcd was wiped while the client was idle, and if the connection was closed and opened again, to the same cluster
// or to another one. The resolver then recognizes another cluster by its ID, and the same cluster with other data by a lower revision.
// So it takes a wiped cluster with the same ID for unchanged if a new connection finds it beyond the last revision already.
//
// With 0 gRPC keeps no instance that is not registered. If there are none, its calls fail with codes.Unavailable at once, or wait for
// one with grpc.WaitForReady. A longer time costs little where the instances have really ended: gRPC sends calls to the others, and
// if there are none, calls fail with codes.Unavailable too.
func WithKeepLast(d time.Duration) Option {
	return func(o *options) {
		if o.keep = d; d < 0 {
			o.invalid = render.AlsoInvalid(o.invalid, fmt.Sprintf("resolver: the time of WithKeepLast is %v", d))
		}
	}
}

// WithOnError has the resolver call f for each value that it skips, once for each put, with the key and the reason. The list waits
// until f returns. f must not close the gRPC client, because Close waits for f. A panic of f is logged. The resolver also logs the
// reason as a warning, but never the value, to grpclog, which is gRPC's log.
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

// skipped tells the program that a value was skipped.
func (o *options) skipped(key string, why error) {
	defer func() {
		if p := recover(); p != nil {
			logger.Errorf("the function of WithOnError panicked: %v", p)
		}
	}()
	o.onError(key, why)
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
