// SPDX-License-Identifier: Apache-2.0

package etcdtest

import "time"

// idleRule says what becomes of connections on which no byte has gone either way for a time; 0 is never.
type idleRule struct {
	after time.Duration
	fate  fate
}

// fate is what becomes of a connection.
type fate int32

const (
	lives     fate = iota
	cut            // it is reset
	forgotten      // it lives, nothing passes any more, and nobody is told
	refused        // the same until a byte comes, then it is reset
)

// CutIdle resets each client connection on which no byte has gone either way for d. The next CutIdle, ForgetIdle or
// RefuseIdle replaces it, and 0 takes it away. On a member it needs [WithProxy]. It lasts until Heal, also over a restart.
func (n *network) CutIdle(d time.Duration) { n.setIdle("CutIdle", idleRule{d, cut}) }

// ForgetIdle forgets each client connection on which no byte has gone either way for d, as a NAT or a firewall does: it
// seems to live on both sides, but nothing passes any more, not even its end. New connections come about. The next
// CutIdle, ForgetIdle or RefuseIdle replaces it, and 0 takes it away; what is forgotten stays so. On a member it needs
// [WithProxy]. It lasts until Heal, also over a restart.
func (n *network) ForgetIdle(d time.Duration) { n.setIdle("ForgetIdle", idleRule{d, forgotten}) }

// RefuseIdle forgets each client connection on which no byte has gone either way for d, and resets it when a byte of the
// client comes along it later, as the load balancers of clouds do. The next CutIdle, ForgetIdle or RefuseIdle replaces it,
// and 0 takes it away. On a member it needs [WithProxy]. It lasts until Heal, also over a restart.
func (n *network) RefuseIdle(d time.Duration) { n.setIdle("RefuseIdle", idleRule{d, refused}) }

func (n *network) setIdle(method string, rule idleRule) {
	n.set(method, func(f *faults) { f.idle = rule })
}

// watchIdle decides the fate of the connection when it has been idle for long enough, and returns then or at its end.
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

// doomed tells whether the connection is forgotten, and acts on what has come along it: a byte or an end.
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
