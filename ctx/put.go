// SPDX-License-Identifier: Apache-2.0

package ctx

import "github.com/eetcd-go/eetcd/internal/sealed"

// WithValue sets the value of a put, a campaign or a proclamation. No error and no [Ctx.String] shows it.
func (c Ctx) WithValue(value string) Ctx {
	r := c.open()
	r.Given |= sealed.OptValue
	r.Value = value
	return c
}

// WithValueBytes is [Ctx.WithValue] for a value in a byte slice, which is copied.
func (c Ctx) WithValueBytes(value []byte) Ctx {
	return c.WithValue(string(value))
}

// WithLease sets the lease to which a put attaches the key, or under which election.Campaign and lock.Lock hold their
// key. For lease.Grant it is the ID of the new lease. The default 0 is no lease for a put, and an ID of the server's
// choice for lease.Grant. Campaigns and locks need a lease.
func (c Ctx) WithLease(id int64) Ctx {
	r := c.open()
	r.Given |= sealed.OptLease
	r.Lease = id
	return c
}

// WithIgnoreValue makes a put keep the present value of the key and change only its lease. The server refuses it
// together with a value (etcderr.ErrValueProvided) and for a missing key (etcderr.ErrKeyNotFound).
func (c Ctx) WithIgnoreValue() Ctx {
	c.open().Given |= sealed.OptIgnoreValue
	return c
}

// WithIgnoreLease makes a put keep the present lease of the key. The server refuses it together with a lease
// (etcderr.ErrLeaseProvided) and for a missing key (etcderr.ErrKeyNotFound).
func (c Ctx) WithIgnoreLease() Ctx {
	c.open().Given |= sealed.OptIgnoreLease
	return c
}

// WithPrevKV asks for the key-value pairs as they were before a put, a delete, or each event of a watch. Compacted
// pairs are left out.
func (c Ctx) WithPrevKV() Ctx {
	c.open().Given |= sealed.OptPrevKV
	return c
}
