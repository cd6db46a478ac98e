// SPDX-License-Identifier: Apache-2.0

package etcdtest

import "time"

// idleRule says what happens to connections without a byte in either direction for a time. 0 is never.
type idleRule struct {
	after time.Duration
	fate  fate
}

// fate is the state of a connection.
type fate int32

const (
	lives     fate = iota
	cut            // it is reset
	forgotten      // it lives, nothing passes any more, and no side notices
	refused        // the same until a byte comes, then it is reset
)

// CutIdle resets each client connection that has carried no byte in either direction for d. The next CutIdle,
// ForgetIdle or RefuseIdle replaces it, and 0 turns it off. On a member it needs [WithProxy]. It lasts until Heal, also
// over a restart.
func (n *network) CutIdle(d time.Duration) { n.setIdle("CutIdle", idleRule{d, cut}) }

// ForgetIdle forgets each client connection that has carried no byte in either direction for d, as a NAT or a firewall
// does. Both sides take the connection for open, but nothing passes any more, not even its close. New connections work. The
// next CutIdle, ForgetIdle or RefuseIdle replaces it, and 0 turns it off, but forgotten connections stay forgotten. On a
// member it needs [WithProxy]. It lasts until Heal, also over a restart.
func (n *network) ForgetIdle(d time.Duration) { n.setIdle("ForgetIdle", idleRule{d, forgotten}) }

// RefuseIdle forgets each client connection that has carried no byte in either direction for d, and resets it when the
// client sends on it later, as the load balancers of clouds do. The next CutIdle, ForgetIdle or RefuseIdle replaces it,
// and 0 turns it off. On a member it needs [WithProxy]. It lasts until Heal, also over a restart.
func (n *network) RefuseIdle(d time.Duration) { n.setIdle("RefuseIdle", idleRule{d, refused}) }

func (n *network) setIdle(method string, rule idleRule) {
	n.set(method, func(f *faults) { f.idle = rule })
}

// watchIdle waits until the connection has been idle for long enough, and decides its fate. It returns then, or at the
// connection's end.
func (l *link) watchIdle() {
	for {
		faults, changed := l.proxy.state()
		var due <-chan time.Time
		if rule := faults.idle; rule.after > 0 {
			wait := time.Until(time.Unix(0, l.active.Load()).Add(rule.after))
			if wait <= 0 {
				l.fate.Store(int32(rule.fate))
				if rule.fate == cut {
					l.abort()
				}
				return
			}
			due = time.After(wait)
		}
		select {
		case <-due:
		case <-changed:
		case <-l.life.Done():
			return
		}
	}
}

// doomed reports whether the connection is forgotten, and reacts to a byte or an end on it.
func (l *link) doomed(fromClient bool, end error) bool {
	switch fate(l.fate.Load()) {
	case forgotten:
		if fromClient && end != nil {
			l.abort()
		}
		return true
	case refused:
		if fromClient {
			l.abort()
		}
		return true
	}
	return false
}
