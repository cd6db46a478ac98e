// SPDX-License-Identifier: Apache-2.0

// Package presence announces a process by a key that comes back: the key is there as long as the process runs and reaches the
// cluster.
//
//	p, err := presence.Keep(ctx, presence.New("registry").WithKey("services/billing/a").WithValue("10.0.0.1:80"), 10*time.Second)
//	if err != nil {
//		return err
//	}
//	err = serve(ctx)                                        // the key is there meanwhile
//	return errors.Join(err, p.Leave(context.Background()))  // and gone now
//
// The key lives under a lease. If the lease is lost, as in an outage longer than its TTL, the presence takes another lease and
// puts the key again, as often as necessary. It also puts the key again if another client deletes it, or overwrites it without
// a lease. A key under the lease of another client is left alone, and the presence puts its own when that one is gone. After
// [Presence.Leave] it never puts the key again.
//
// The presences of a connection share its streams. A presence costs two goroutines. When many return at once, as after an
// outage, a connection sends at most 200 requests a second for all of them.
//
// [Keep] waits for its key without a limit, unless WithTimeout or the context sets one. [Presence.Set] and [Presence.Leave] end
// after 5 s if their context has no deadline (conn.WithDefaultTimeout).
//
// A user needs permission to read and write the key. All functions are safe for concurrent use.
package presence
