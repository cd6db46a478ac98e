// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// swallowing is a network on which a name has these addresses. Those in void swallow packets, and those in closed
// refuse connections.
type swallowing struct {
	ips          []string
	void, closed []string

	mu      sync.Mutex
	dialled []string
	open    int
}

type counted struct {
	net.Conn
	close func()
}

func (c counted) Close() error { c.close(); return c.Conn.Close() }

func (s *swallowing) network() Network {
	return Network{
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			var ips []netip.Addr
			for _, ip := range s.ips {
				ips = append(ips, netip.MustParseAddr(ip))
			}
			return ips, nil
		},
		Dial: func(parent context.Context, _, address string) (net.Conn, error) {
			host, _, _ := net.SplitHostPort(address)
			s.mu.Lock()
			s.dialled = append(s.dialled, host)
			s.mu.Unlock()
			switch {
			case slices.Contains(s.void, host):
				<-parent.Done()
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New(host + " is silent")}
			case slices.Contains(s.closed, host):
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New(host + " refuses")}
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.open++
			one, _ := net.Pipe()
			return counted{one, sync.OnceFunc(func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.open--
			})}, nil
		},
	}
}

func TestNameWithAddressesThatSwallowPacketsIsReachedWithinTheTimeout(t *testing.T) {
	for name, tt := range map[string]*struct {
		s       swallowing
		timeout time.Duration
		takes   time.Duration
		dials   string
		fails   string
	}{
		"the first works": {swallowing{ips: []string{"10.0.0.1", "10.0.0.2"}}, time.Second, 0, "10.0.0.1", ""},
		"the first is silent": {
			swallowing{ips: []string{"10.0.0.1", "10.0.0.2"}, void: []string{"10.0.0.1"}}, time.Second, 250 * time.Millisecond, "10.0.0.1 10.0.0.2", "",
		},
		"the first refuses": {
			swallowing{ips: []string{"10.0.0.1", "10.0.0.2"}, closed: []string{"10.0.0.1"}}, time.Second, 0, "10.0.0.1 10.0.0.2", "",
		},
		"nine of ten are silent": {
			swallowing{
				ips:  []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.8", "10.0.0.9", "10.0.0.10"},
				void: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.8", "10.0.0.9"},
			}, 1100 * time.Millisecond, 900 * time.Millisecond, "", "",
		},
		"the families alternate": {
			swallowing{ips: []string{"fd00::1", "fd00::2", "10.0.0.1"}, closed: []string{"fd00::1", "fd00::2", "10.0.0.1"}},
			time.Second, 0, "fd00::1 10.0.0.1 fd00::2", "fd00::1 refuses",
		},
		"all are silent": {
			swallowing{ips: []string{"10.0.0.1", "10.0.0.2"}, void: []string{"10.0.0.1", "10.0.0.2"}}, time.Second, time.Second, "10.0.0.1 10.0.0.2", "silent",
		},
		"it has none": {swallowing{}, time.Second, 0, "", "no address"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				nc, err := tt.s.network().connect(t.Context(), Address{network: "tcp", dial: "etcd.example:2379"}, tt.timeout)
				if took := time.Since(began); took != tt.takes {
					t.Errorf("it took %v, want %v", took, tt.takes)
				}
				if got := strings.Join(tt.s.dialled, " "); tt.dials != "" && got != tt.dials {
					t.Errorf("dialled %s, want %s", got, tt.dials)
				}
				if tt.fails != "" {
					if err == nil || !strings.Contains(err.Error(), tt.fails) || strings.Contains(err.Error(), "\n") {
						t.Errorf("got %v, want %q", err, tt.fails)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				nc.Close()
				if tt.s.open != 0 {
					t.Errorf("%d connections are left", tt.s.open)
				}
			})
		})
	}
}
