// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"log/slog"
	"strconv"
	"strings"

	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// String describes the request for logs: the given options with their arguments, and keys and names quoted. Of a value
// it shows only the length.
//
//	ctx(conn="registry" key="heartbeat:" prefix sort=mod/descend limit=10)
func (c Ctx) String() string {
	r := c.open()
	var b description
	b.WriteString("ctx(")

	if r.Conn != "" {
		b.text("conn", r.Conn)
	}
	if r.Has(sealed.OptEndpoint) {
		b.text("endpoint", tell.Endpoint(r.Endpoint))
	}
	if r.Has(sealed.OptTimeout) {
		b.word("timeout=" + r.Timeout.String())
	}
	if r.Has(sealed.OptName) {
		b.text("name", r.Name)
	}
	if r.Has(sealed.OptKey) {
		b.text("key", r.Key)
	}
	c.describeExtent(&b)
	if r.Has(sealed.OptValue) {
		b.word("value=(" + strconv.Itoa(len(r.Value)) + " bytes)")
	}
	if r.Has(sealed.OptLease) {
		b.number("lease", r.Lease)
	}
	b.flag("ignore-value", r.Has(sealed.OptIgnoreValue))
	b.flag("ignore-lease", r.Has(sealed.OptIgnoreLease))
	b.flag("prev-kv", r.Has(sealed.OptPrevKV))
	c.describeGet(&b)
	b.flag("physical", r.Has(sealed.OptPhysical))
	c.describeWatch(&b)
	if r.Has(sealed.OptLeader) {
		describeLeader(&b, r.Leader)
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
	r := c.open()
	switch {
	case r.Has(sealed.OptRangeEnd):
		b.text("range-end", r.End)
	case r.Has(sealed.OptFromKey):
		b.word("from-key")
	case r.Has(sealed.OptPrefix | sealed.Tops):
		b.word("prefix")
	}
}

func (c *Ctx) describeGet(b *description) {
	r := c.open()
	if r.Has(sealed.Sorters) {
		b.word("sort=" + SortTarget(r.Target).String() + "/" + SortOrder(r.Order).String())
	}
	if r.Has(sealed.OptLimit | sealed.Tops) {
		b.number("limit", r.Limit)
	}
	if r.Has(sealed.OptRev) {
		b.number("rev", r.Rev)
	}
	b.flag("serializable", r.Has(sealed.OptSerializable))
	b.flag("keys-only", r.Has(sealed.OptKeysOnly))
	b.flag("count-only", r.Has(sealed.OptCountOnly))
	if r.Has(sealed.OptMinModRev) {
		b.number("min-mod-rev", r.MinModRev)
	}
	if r.Has(sealed.OptMaxModRev) {
		b.number("max-mod-rev", r.MaxModRev)
	}
	if r.Has(sealed.OptMinCreateRev) {
		b.number("min-create-rev", r.MinCreateRev)
	}
	if r.Has(sealed.OptMaxCreateRev) {
		b.number("max-create-rev", r.MaxCreateRev)
	}
}

func (c *Ctx) describeWatch(b *description) {
	r := c.open()
	if r.Has(sealed.OptStartRevision) {
		b.number("start-revision", r.StartRev)
	}
	if r.Has(sealed.OptWatchID) {
		b.number("watch-id", r.WatchID)
	}
	b.flag("fragment", r.Has(sealed.OptFragment))
	b.flag("progress-notify", r.Has(sealed.OptProgressNotify))
	b.flag("filter-put", r.Has(sealed.OptFilterPut))
	b.flag("filter-delete", r.Has(sealed.OptFilterDelete))
}

func describeLeader(b *description, l sealed.Leader) {
	if !l.Present {
		b.word("leader=nil")
		return
	}
	b.word("leader=(")
	b.wordy = false
	b.text("name", l.Name)
	b.text("key", l.Key)
	b.number("rev", l.Rev)
	b.number("lease", l.Lease)
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
