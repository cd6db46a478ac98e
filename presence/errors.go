// SPDX-License-Identifier: Apache-2.0

package presence

import "errors"

// The reasons why a key is absent, in the Err of a [State] and of [Presence.Err]. Other reasons are an error of the lease, such
// as lease.ErrExpired or etcderr.ErrLeaseNotFound, a *watch.RewoundError if the store went back to an earlier state, and a
// refusal of the servers.
var (
	// ErrHeld says that the key exists under the lease of another client, and is left alone.
	ErrHeld = errors.New("presence: the key is there under another lease")
	// ErrDeleted says that somebody has deleted the key, or that the server has, with the lease.
	ErrDeleted = errors.New("presence: the key was deleted")
	// ErrOverwritten says that somebody has put the key without a lease.
	ErrOverwritten = errors.New("presence: the key was overwritten without a lease")
	// ErrSession says that the session of WithSession has no lease at present, or has ended.
	ErrSession = errors.New("presence: the session has no lease")
)

// ErrLeft is the error of Set after the end of the presence. The reason is wrapped with it, except after a call of Leave.
var ErrLeft = errors.New("presence: it has left")

// errLeaving is the cause of an end by Leave.
var errLeaving = errors.New("presence: Leave was called")
