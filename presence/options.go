// SPDX-License-Identifier: Apache-2.0

package presence

// Option is an option of [Keep].
type Option func(*options)

type options struct {
	returns bool
	shares  bool
	session *Presence
}

// WithoutReturn ends the presence when its key is lost, for a process that claims an identity by its key. [Presence.Err] has the
// reason then. Without this option a presence returns. The key counts as lost when its lease may have ended, and when another
// client deletes or overwrites it.
func WithoutReturn() Option { return func(o *options) { o.returns = false } }

// WithSession puts the key under the lease of s, a presence on the same connection, so that many keys cost one renewal. The ttl of
// Keep must be 0. The key goes with the lease of s and comes back with it. Leave deletes this key only. When s leaves or ends, the
// presence ends with [ErrSession], also during an outage. A session takes each key once, and a second Keep of it is kv.ErrInvalid.
// If s itself uses a session, the key is under the lease of that session. Without this option a presence has a lease of its own. A
// nil s is kv.ErrInvalid.
func WithSession(s *Presence) Option {
	return func(o *options) { o.shares, o.session = true, s }
}
