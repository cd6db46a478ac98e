// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// echoProxy returns a proxy before a server that sends back all it receives, and then its end.
func echoProxy(t *testing.T) *proxy {
	t.Helper()
	server, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	var ports portSet
	t.Cleanup(ports.release)
	at, err := ports.reserve()
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProxy(at, server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.close() })
	return p
}

func dial(t *testing.T, p *proxy) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp4", p.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

func TestProxyCarriesEveryByteAndTheEndOfEachDirection(t *testing.T) {
	conn := dial(t, echoProxy(t))
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes back of %d: %v", len(got), len(sent), err)
	}
}

func TestProxyDelayAddsLatencyAndCostsNoThroughput(t *testing.T) {
	const delay = 300 * time.Millisecond
	p := echoProxy(t)
	conn := dial(t, p)
	p.set(func(f *faults) { f.delay = delay })
	sent := bytes.Repeat([]byte("x"), 20*chunkSize)
	begin := time.Now()
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || len(got) != len(sent) {
		t.Fatalf("%d bytes of %d: %v", len(got), len(sent), err)
	}
	if took := time.Since(begin); took < 2*delay || took > 10*delay {
		t.Errorf("%d chunks took %v with a delay of %v each way", len(sent)/chunkSize, took, delay)
	}
}

func TestProxyCutBreaksOpenConnectionsAndNewOnes(t *testing.T) {
	p := echoProxy(t)
	conn := dial(t, p)
	roundTrip(t, conn)
	p.set(func(f *faults) { f.cut = true })
	if n, err := conn.Read(make([]byte, 1)); err == nil || n > 0 || errors.Is(err, io.EOF) {
		t.Errorf("read %d bytes, %v; want a reset", n, err)
	}
	// The reset of a new connection may come before or after Dial returns.
	if fresh, err := net.Dial("tcp4", p.listener.Addr().String()); err == nil {
		if n, err := fresh.Read(make([]byte, 1)); err == nil || n > 0 || errors.Is(err, io.EOF) {
			t.Errorf("read %d bytes, %v; want a reset", n, err)
		}
		fresh.Close()
	}
	p.set(func(f *faults) { f.cut = false })
	roundTrip(t, dial(t, p))
}

func TestProxyBlackholeHoldsOpenConnectionsAndNewOnes(t *testing.T) {
	p := echoProxy(t)
	open := dial(t, p)
	roundTrip(t, open)
	p.set(func(f *faults) { f.blackhole = true })
	fresh := dial(t, p)
	for _, c := range []*net.TCPConn{open, fresh} {
		if _, err := c.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		var timeout net.Error
		if _, err := c.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("read in a black hole: %v; want a timeout", err)
		}
	}
	p.set(func(f *faults) { f.blackhole = false })
	for _, c := range []*net.TCPConn{open, fresh} {
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 4)
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "ping" {
			t.Errorf("after the black hole: %q, %v", got, err)
		}
	}
}

func roundTrip(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := conn.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "ping" {
		t.Fatalf("round trip: %q, %v", got, err)
	}
}

func TestReservedPortIsFreeForItsOwnerAndNobodyElse(t *testing.T) {
	var ports portSet
	defer ports.release()
	seen := make(map[int]bool)
	for range 50 {
		p, err := ports.reserve()
		if err != nil {
			t.Fatal(err)
		}
		if seen[p.number] {
			t.Fatalf("port %d twice", p.number)
		}
		seen[p.number] = true
		for range 2 { // the second listener stands for a restart
			l, err := net.Listen("tcp4", p.addr())
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
		}
	}
}
