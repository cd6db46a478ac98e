// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

const idleAfter = 100 * time.Millisecond

// awaitFate waits until every connection through a proxy has the wanted fate.
func awaitFate(t *testing.T, p *proxy, want fate) {
	t.Helper()
	eventually(t, 10*time.Second, "fate of the connection", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		for l := range p.links {
			if fate(l.fate.Load()) != want {
				return errors.New("not yet")
			}
		}
		return nil
	})
}

// mustBeSilent fails unless a connection delivers nothing for a moment, not even its end.
func mustBeSilent(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v; want silence", n, err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
}

func mustBeReset(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v; want a reset", n, err)
	}
}

func TestIdleConnectionIsCut(t *testing.T) {
	p := echoProxy(t)
	conn := dial(t, p)
	roundTrip(t, conn)
	p.set(func(f *faults) { f.idle = idleRule{idleAfter, cut} })
	mustBeReset(t, conn)
	roundTrip(t, dial(t, p))
}

func TestBusyConnectionIsNotIdle(t *testing.T) {
	t.Parallel()
	p := echoProxy(t)
	const after = time.Second
	p.set(func(f *faults) { f.idle = idleRule{after, cut} })
	conn := dial(t, p)
	for begin := time.Now(); time.Since(begin) < 2*after; time.Sleep(after / 20) {
		roundTrip(t, conn)
	}
}

func TestIdleConnectionIsDroppedSilently(t *testing.T) {
	p := echoProxy(t)
	conn := dial(t, p)
	roundTrip(t, conn)
	p.set(func(f *faults) { f.idle = idleRule{idleAfter, forgotten} })
	awaitFate(t, p, forgotten)
	if _, err := conn.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	mustBeSilent(t, conn)
	roundTrip(t, dial(t, p)) // another connection
	p.set(func(f *faults) { *f = faults{} })
	mustBeSilent(t, conn)
	_ = conn.Close()
	eventually(t, 10*time.Second, "end of the connection that its client has closed", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		for l := range p.links {
			if fate(l.fate.Load()) == forgotten {
				return errors.New("still there")
			}
		}
		return nil
	})
}

func TestIdleConnectionIsRefusedAtTheNextByte(t *testing.T) {
	p := echoProxy(t)
	conn := dial(t, p)
	roundTrip(t, conn)
	p.set(func(f *faults) { f.idle = idleRule{idleAfter, refused} })
	awaitFate(t, p, refused)
	mustBeSilent(t, conn)
	if _, err := conn.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	mustBeReset(t, conn)
	roundTrip(t, dial(t, p))
}

func TestForgottenConnectionHidesTheDeathOfItsMember(t *testing.T) {
	t.Parallel()
	c := Start(t, WithProxy())
	m := c.Member(0)
	conn := dial(t, m.proxy)
	roundTripTo(t, conn)
	m.ForgetIdle(idleAfter)
	awaitFate(t, m.proxy, forgotten)
	m.Kill()
	mustBeSilent(t, conn)
	m.Restart()
	mustBeSilent(t, conn)
	m.Heal()
	mustPut(t, clientOf(c, m), "k", "v")
}

// roundTripTo sends a request on a connection and reads the member's answer.
func roundTripTo(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	if _, err := io.WriteString(conn, "GET /version HTTP/1.1\r\nHost: etcd\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	if _, err := conn.Read(buf); err != nil {
		t.Fatal(err)
	}
}
