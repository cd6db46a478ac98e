// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"log/slog"
	"strconv"
	"strings"

	"github.com/eetcd-go/eetcd/internal/tell"
)

// String describes the request for logs: the given options with their arguments, and keys and names quoted. Of a value
// it shows only the length.
//
//	ctx(conn="registry" key="heartbeat:" prefix sort=mod/descend limit=10)
func (c Ctx) String() string {
	var b description
	b.WriteString("ctx(")

	if c.conn != "" {
		b.text("conn", c.conn)
	}
	if c.has(optEndpoint) {
		b.text("endpoint", tell.Endpoint(c.endpoint))
	}
	if c.has(optTimeout) {
		b.word("timeout=" + c.timeout.String())
	}
	if c.has(optName) {
		b.text("name", c.name)
	}
	if c.has(optKey) {
		b.text("key", c.key)
	}
	c.describeExtent(&b)
	if c.has(optValue) {
		b.word("value=(" + strconv.Itoa(len(c.value)) + " bytes)")
	}
	if c.has(optLease) {
		b.number("lease", c.lease)
	}
	b.flag("ignore-value", c.has(optIgnoreValue))
	b.flag("ignore-lease", c.has(optIgnoreLease))
	b.flag("prev-kv", c.has(optPrevKV))
	c.describeGet(&b)
	b.flag("physical", c.has(optPhysical))
	c.describeWatch(&b)
	if c.has(optLeader) {
		c.leader.describe(&b)
	}

	b.WriteString(")")
	return b.String()
}

// GoString is [Ctx.String], so that %#v shows no value either.
func (c Ctx) GoString() string {
	return c.String()
}

// LogValue is [Ctx.String] for log/slog.
func (c Ctx) LogValue() slog.Value {
	return slog.StringValue(c.String())
}

func (c *Ctx) describeExtent(b *description) {
	switch {
	case c.has(optRangeEnd):
		b.text("range-end", c.end)
	case c.has(optFromKey):
		b.word("from-key")
	case c.has(optPrefix | tops):
		b.word("prefix")
	}
}

func (c *Ctx) describeGet(b *description) {
	if c.has(sorters) {
		b.word("sort=" + c.target.String() + "/" + c.order.String())
	}
	if c.has(optLimit | tops) {
		b.number("limit", c.limit)
	}
	if c.has(optRev) {
		b.number("rev", c.rev)
	}
	b.flag("serializable", c.has(optSerializable))
	b.flag("keys-only", c.has(optKeysOnly))
	b.flag("count-only", c.has(optCountOnly))
	if c.has(optMinModRev) {
		b.number("min-mod-rev", c.minModRev)
	}
	if c.has(optMaxModRev) {
		b.number("max-mod-rev", c.maxModRev)
	}
	if c.has(optMinCreateRev) {
		b.number("min-create-rev", c.minCreateRev)
	}
	if c.has(optMaxCreateRev) {
		b.number("max-create-rev", c.maxCreateRev)
	}
}

func (c *Ctx) describeWatch(b *description) {
	if c.has(optStartRevision) {
		b.number("start-revision", c.startRev)
	}
	if c.has(optWatchID) {
		b.number("watch-id", c.watchID)
	}
	b.flag("fragment", c.has(optFragment))
	b.flag("progress-notify", c.has(optProgressNotify))
	b.flag("filter-put", c.has(optFilterPut))
	b.flag("filter-delete", c.has(optFilterDelete))
}

func (l *leaderKey) describe(b *description) {
	if !l.present {
		b.word("leader=nil")
		return
	}
	b.word("leader=(")
	b.wordy = false
	b.text("name", l.name)
	b.text("key", l.key)
	b.number("rev", l.rev)
	b.number("lease", l.lease)
	b.WriteString(")")
}

// description writes words with a space between them.
type description struct {
	strings.Builder
	wordy bool
}

func (b *description) word(w string) {
	if b.wordy {
		b.WriteByte(' ')
	}
	b.wordy = true
	b.WriteString(w)
}

func (b *description) text(name, s string) { b.word(name + "=" + strconv.Quote(s)) }

func (b *description) number(name string, n int64) { b.word(name + "=" + strconv.FormatInt(n, 10)) }

func (b *description) flag(name string, given bool) {
	if given {
		b.word(name)
	}
}
