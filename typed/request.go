// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"context"
	"errors"
	"fmt"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// What the methods of a store do, and the options of the store that they take.
type use struct {
	request string
	options ctx.Options
}

var (
	reads  = use{"a typed store", ctx.OptKey | ctx.OptLease | ctx.OptSerializable | ctx.OptRev}
	writes = use{"a write of a typed store", ctx.OptKey | ctx.OptLease | ctx.OptSerializable}
)

// check tells at once what is wrong with a call, except with its key.
func (s Store[V]) check(parent context.Context, u use, keys ...string) error {
	err := s.c.Check(u.request, u.options)
	if parent == nil {
		err = ctx.AlsoInvalid(err, "typed: the parent context is nil")
	}
	if s.codec == nil {
		err = ctx.AlsoInvalid(err, "typed: the codec is nil")
	}
	for _, key := range keys {
		if key == "" {
			err = ctx.AlsoInvalid(err, "typed: the key is empty")
		}
	}
	return err
}

// prepare checks a write and encodes its value.
func (s Store[V]) prepare(parent context.Context, key string, value V) ([]byte, error) {
	if err := s.check(parent, writes, key); err != nil {
		return nil, err
	}
	return encode(s.codec, s.whole(key), value)
}

// whole is a key with the key of the store before it.
func (s Store[V]) whole(key string) string { return s.c.Key() + key }

// to is where requests go.
func (s Store[V]) to() ctx.Ctx {
	to := ctx.New(s.c.Conn())
	if endpoint, given := s.c.Endpoint(); given {
		to = to.WithEndpoint(endpoint)
	}
	return to
}

// base is where requests go, and how long a call may take.
func (s Store[V]) base() ctx.Ctx {
	to := s.to()
	if timeout, given := s.c.Timeout(); given {
		to = to.WithTimeout(timeout)
	}
	return to
}

// reading is base with what says how to read.
func (s Store[V]) reading() ctx.Ctx {
	c := s.base()
	if s.c.Serializable() {
		c = c.WithSerializable()
	}
	if rev := s.c.Rev(); rev != 0 {
		c = c.WithRev(rev)
	}
	return c
}

// put is the put of a value.
func put(to ctx.Ctx, key string, data []byte, lease int64) ctx.Ctx {
	to = to.WithKey(key).WithValueBytes(data)
	if lease != 0 {
		to = to.WithLease(lease)
	}
	return to
}

// one is the pair in the answer to a get of one key, nil if there is none.
func one(response *pb.RangeResponse) *mvccpb.KeyValue {
	if len(response.GetKvs()) == 0 {
		return nil
	}
	return response.GetKvs()[0]
}

// sized adds the size of a value to the server's refusal of a request that is too large.
func sized(err error, key string, data []byte) error {
	if errors.Is(err, etcderr.ErrRequestTooLarge) {
		return fmt.Errorf("typed: the value of %q has %d bytes: %w", key, len(data), err)
	}
	return err
}
