// SPDX-License-Identifier: Apache-2.0

// Package builders lists the methods that build a request, for the tests of the request and of its messages. Only tests import it.
package builders

import (
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
)

// Builder is one With method, with arguments that no other one has here.
type Builder struct {
	Method string
	Apply  func(ctx.Ctx) ctx.Ctx
}

// Leader is the argument of WithLeader.
var Leader = &v3electionpb.LeaderKey{Name: []byte("el"), Key: []byte("el/6a"), Rev: 31, Lease: 32}

// All has every With method.
var All = []Builder{
	{"WithConn", func(c ctx.Ctx) ctx.Ctx { return c.WithConn("conn") }},
	{"WithTimeout", func(c ctx.Ctx) ctx.Ctx { return c.WithTimeout(time.Second) }},
	{"WithEndpoint", func(c ctx.Ctx) ctx.Ctx { return c.WithEndpoint("127.0.0.1:1") }},
	{"WithKey", func(c ctx.Ctx) ctx.Ctx { return c.WithKey("key") }},
	{"WithKeyBytes", func(c ctx.Ctx) ctx.Ctx { return c.WithKeyBytes([]byte("keybytes")) }},
	{"WithSubKey", func(c ctx.Ctx) ctx.Ctx { return c.WithSubKey("sub") }},
	{"WithPrefix", func(c ctx.Ctx) ctx.Ctx { return c.WithPrefix() }},
	{"WithFromKey", func(c ctx.Ctx) ctx.Ctx { return c.WithFromKey() }},
	{"WithRangeEnd", func(c ctx.Ctx) ctx.Ctx { return c.WithRangeEnd("end") }},
	{"WithValue", func(c ctx.Ctx) ctx.Ctx { return c.WithValue("value") }},
	{"WithValueBytes", func(c ctx.Ctx) ctx.Ctx { return c.WithValueBytes([]byte("valuebytes")) }},
	{"WithLease", func(c ctx.Ctx) ctx.Ctx { return c.WithLease(1) }},
	{"WithIgnoreValue", func(c ctx.Ctx) ctx.Ctx { return c.WithIgnoreValue() }},
	{"WithIgnoreLease", func(c ctx.Ctx) ctx.Ctx { return c.WithIgnoreLease() }},
	{"WithPrevKV", func(c ctx.Ctx) ctx.Ctx { return c.WithPrevKV() }},
	{"WithLimit", func(c ctx.Ctx) ctx.Ctx { return c.WithLimit(2) }},
	{"WithRev", func(c ctx.Ctx) ctx.Ctx { return c.WithRev(3) }},
	{"WithSort", func(c ctx.Ctx) ctx.Ctx { return c.WithSort(ctx.ByVersion, ctx.Ascend) }},
	{"WithTop", func(c ctx.Ctx) ctx.Ctx { return c.WithTop(ctx.ByValue, ctx.Descend) }},
	{"WithFirstKey", func(c ctx.Ctx) ctx.Ctx { return c.WithFirstKey() }},
	{"WithLastKey", func(c ctx.Ctx) ctx.Ctx { return c.WithLastKey() }},
	{"WithFirstRev", func(c ctx.Ctx) ctx.Ctx { return c.WithFirstRev() }},
	{"WithLastRev", func(c ctx.Ctx) ctx.Ctx { return c.WithLastRev() }},
	{"WithFirstCreate", func(c ctx.Ctx) ctx.Ctx { return c.WithFirstCreate() }},
	{"WithLastCreate", func(c ctx.Ctx) ctx.Ctx { return c.WithLastCreate() }},
	{"WithSerializable", func(c ctx.Ctx) ctx.Ctx { return c.WithSerializable() }},
	{"WithKeysOnly", func(c ctx.Ctx) ctx.Ctx { return c.WithKeysOnly() }},
	{"WithCountOnly", func(c ctx.Ctx) ctx.Ctx { return c.WithCountOnly() }},
	{"WithMinModRev", func(c ctx.Ctx) ctx.Ctx { return c.WithMinModRev(4) }},
	{"WithMaxModRev", func(c ctx.Ctx) ctx.Ctx { return c.WithMaxModRev(5) }},
	{"WithMinCreateRev", func(c ctx.Ctx) ctx.Ctx { return c.WithMinCreateRev(6) }},
	{"WithMaxCreateRev", func(c ctx.Ctx) ctx.Ctx { return c.WithMaxCreateRev(7) }},
	{"WithPhysical", func(c ctx.Ctx) ctx.Ctx { return c.WithPhysical() }},
	{"WithStartRevision", func(c ctx.Ctx) ctx.Ctx { return c.WithStartRevision(8) }},
	{"WithWatchID", func(c ctx.Ctx) ctx.Ctx { return c.WithWatchID(9) }},
	{"WithFragment", func(c ctx.Ctx) ctx.Ctx { return c.WithFragment() }},
	{"WithProgressNotify", func(c ctx.Ctx) ctx.Ctx { return c.WithProgressNotify() }},
	{"WithFilterPut", func(c ctx.Ctx) ctx.Ctx { return c.WithFilterPut() }},
	{"WithFilterDelete", func(c ctx.Ctx) ctx.Ctx { return c.WithFilterDelete() }},
	{"WithName", func(c ctx.Ctx) ctx.Ctx { return c.WithName("name") }},
	{"WithLeader", func(c ctx.Ctx) ctx.Ctx { return c.WithLeader(Leader) }},
}
