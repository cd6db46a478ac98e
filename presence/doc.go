// SPDX-License-Identifier: Apache-2.0

// Package presence announces a process by a key that comes back: as long as the process runs and the cluster can be reached,
// the key is there.
//
//	p, err := presence.Keep(ctx, presence.New("registry").WithKey("services/billing/a").WithValue("10.0.0.1:80"), 10*time.Second)
//	if err != nil {
//		return err
//	}
//	err = serve(ctx)                                        // the key is there meanwhile
//	return errors.Join(err, p.Leave(context.Background()))  // and gone now
//
// The key lives under a lease. Where the lease is lost, as in an outage that is longer than its TTL, a presence takes another
// lease and puts the key again, without limit. It does so too where somebody else deletes the key or overwrites it without a
// lease. It leaves a key under the lease of somebody else alone, and puts its own when that is gone. After [Presence.Leave] it
// never puts the key again.
//
// The presences of a connection share its streams. A presence costs two goroutines. When many return at once, as after an
// outage, each connection sends at most 200 requests a second for that.
//
// A user needs permission to read and write the key. All functions are safe for concurrent use.
package presence
