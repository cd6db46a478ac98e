// SPDX-License-Identifier: Apache-2.0

package presence

// Option is an option of [Keep].
type Option func(*options)

type options struct {
	returns bool
	shares  bool
	session *Presence
}

// WithoutReturn has a lost key stay lost, for a process that claims an identity by its key: the presence ends, and
// [Presence.Err] has the reason. Without it a presence returns. The key counts as lost when its lease may have ended, and when
// somebody else deletes or overwrites it.
func WithoutReturn() Option { return func(o *options) { o.returns = false } }

// WithSession puts the key under the lease of another presence on the same connection, so that many keys cost one renewal. The
// ttl of Keep must be 0. The key goes with the lease of s and comes back with it. Its own Leave deletes its key only. When s
// leaves or ends, the presence ends with [ErrSession]. A session has each key once. If s itself uses a session, the key goes
// under the lease of that session. Without it a presence has a lease of its own; a nil s is kv.ErrInvalid.
func WithSession(s *Presence) Option {
	return func(o *options) { o.shares, o.session = true, s }
}
