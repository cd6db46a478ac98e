// SPDX-License-Identifier: Apache-2.0

package ctx

import pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"

// WithValue sets the value of a put, a campaign or a proclamation. No error and no [Ctx.String] shows it.
func (c Ctx) WithValue(value string) Ctx {
	c.given |= optValue
	c.value = value
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
	c.given |= optLease
	c.lease = id
	return c
}

// WithIgnoreValue makes a put keep the present value of the key and change only its lease. The server refuses it
// together with a value (etcderr.ErrValueProvided) and for a missing key (etcderr.ErrKeyNotFound).
func (c Ctx) WithIgnoreValue() Ctx {
	c.given |= optIgnoreValue
	return c
}

// WithIgnoreLease makes a put keep the present lease of the key. The server refuses it together with a lease
// (etcderr.ErrLeaseProvided) and for a missing key (etcderr.ErrKeyNotFound).
func (c Ctx) WithIgnoreLease() Ctx {
	c.given |= optIgnoreLease
	return c
}

// WithPrevKV asks for the key-value pairs as they were before a put, a delete, or each event of a watch. Compacted
// pairs are left out.
func (c Ctx) WithPrevKV() Ctx {
	c.given |= optPrevKV
	return c
}

// Lease returns the ID of [Ctx.WithLease], or 0 if none was given.
func (c Ctx) Lease() int64 {
	return c.lease
}

// Value returns the value of [Ctx.WithValue], or "" if none was given.
func (c Ctx) Value() string {
	return c.value
}

// PutRequest renders the request for /etcdserverpb.KV/Put, or returns an [*InvalidError]. It takes
// WithKey, WithValue, WithLease, WithIgnoreValue, WithIgnoreLease and WithPrevKV.
func (c Ctx) PutRequest() (*pb.PutRequest, error) {
	const allowed = optKey | optValue | optLease | optIgnoreValue | optIgnoreLease | optPrevKV
	if err := c.check("a put request", allowed); err != nil {
		return nil, err
	}
	// Key and value have separate allocations, because a caller that keeps one would keep both in memory.
	return &pb.PutRequest{
		Key:         []byte(c.key),
		Value:       []byte(c.value),
		Lease:       c.lease,
		PrevKv:      c.has(optPrevKV),
		IgnoreValue: c.has(optIgnoreValue),
		IgnoreLease: c.has(optIgnoreLease),
	}, nil
}
