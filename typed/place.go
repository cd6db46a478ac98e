// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// place is the request of a store: where its keys are, and how they are asked for.
type place struct{ c Request }

// use is a kind of call, and the options of a store that it takes.
type use struct {
	request string
	options sealed.Options
}

var (
	reads  = use{"a typed store", sealed.OptKey | sealed.OptLease | sealed.OptSerializable | sealed.OptRev}
	writes = use{"a write of a typed store", sealed.OptKey | sealed.OptLease | sealed.OptSerializable}
)

// whole is a key with the key of the store before it.
func (p place) whole(key string) string { return sealed.Ctx(p.c).Key() + key }

// to is where requests go.
func (p place) to() ctx.Ctx {
	to := ctx.New(sealed.Ctx(p.c).Conn())
	if endpoint, given := sealed.Ctx(p.c).Endpoint(); given {
		to = to.WithEndpoint(endpoint)
	}
	return to
}

// base is where requests go, and how long a call may take.
func (p place) base() ctx.Ctx {
	to := p.to()
	if timeout, given := sealed.Ctx(p.c).Timeout(); given {
		to = to.WithTimeout(timeout)
	}
	return to
}

// reading is base with what says how to read.
func (p place) reading() ctx.Ctx {
	c := p.base()
	if sealed.Ctx(p.c).Serializable() {
		c = c.WithSerializable()
	}
	if rev := sealed.Ctx(p.c).Rev(); rev != 0 {
		c = c.WithRev(rev)
	}
	return c
}

// bounded is parent with the time of an update.
func (p place) bounded(parent context.Context) (context.Context, context.CancelFunc, error) {
	to, err := engine.Lookup(sealed.Ctx(p.c).Conn())
	if err != nil {
		return nil, nil, err
	}
	timeout, given := sealed.Ctx(p.c).Timeout()
	if _, bounded := parent.Deadline(); !given && bounded {
		life, cancel := context.WithCancel(parent)
		return life, cancel, nil
	}
	if !given {
		timeout = to.DefaultTimeout()
	}
	life, cancel := context.WithTimeout(parent, timeout)
	return life, cancel, nil
}
