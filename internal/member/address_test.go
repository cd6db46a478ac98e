// SPDX-License-Identifier: Apache-2.0

package member

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/internal/connerr"
)

func TestEndpointFormsAreParsedOrRefused(t *testing.T) {
	cases := []struct {
		text   string
		tls    bool
		want   Address
		refuse string // part of the error
	}{
		{text: "127.0.0.1:2379", want: Address{network: "tcp", dial: "127.0.0.1:2379"}},
		{text: "etcd-0.etcd:2379", want: Address{network: "tcp", dial: "etcd-0.etcd:2379"}},
		{text: "127.0.0.1:2379", tls: true, want: Address{network: "tcp", dial: "127.0.0.1:2379", Secure: true}},
		{text: "[::1]:2379", want: Address{network: "tcp", dial: "[::1]:2379"}},
		{text: "[fe80::1%eth0]:2379", want: Address{network: "tcp", dial: "[fe80::1%eth0]:2379"}},
		{text: "http://[fe80::1%25eth0]:2379", want: Address{network: "tcp", dial: "[fe80::1%eth0]:2379"}},
		{text: "[fe80::1%]:2379", refuse: "malformed IPv6 address"},
		{text: "127.0.0.1%lo:2379", refuse: "malformed IPv6 address"},
		{text: "http://localhost:2379", want: Address{network: "tcp", dial: "localhost:2379"}},
		{text: "http://localhost:2379/", want: Address{network: "tcp", dial: "localhost:2379"}},
		{text: "https://localhost:2379", want: Address{network: "tcp", dial: "localhost:2379", Secure: true}},
		{text: "https://[::1]:2379", tls: true, want: Address{network: "tcp", dial: "[::1]:2379", Secure: true}},
		{text: "unix:///run/etcd.sock", want: Address{network: "unix", dial: "/run/etcd.sock"}},
		{text: "unix:///run/etcd.sock", tls: true, want: Address{network: "unix", dial: "/run/etcd.sock", Secure: true}},
		{text: "127.0.0.1:33109/", want: Address{network: "tcp", dial: "127.0.0.1:33109"}},
		{text: "HTTP://localhost:2379", want: Address{network: "tcp", dial: "localhost:2379"}},
		{text: "Https://localhost:02379", want: Address{network: "tcp", dial: "localhost:2379", Secure: true}},
		{text: "http://[fe80::1%25eth0]:2379", want: Address{network: "tcp", dial: "[fe80::1%eth0]:2379"}},
		{text: "unixs:///run/etcd.sock", want: Address{network: "unix", dial: "/run/etcd.sock", Secure: true}},

		{text: "", refuse: "missing port"},
		{text: "localhost", refuse: "missing port"},
		{text: ":2379", refuse: "missing host"},
		{text: "localhost:", refuse: "port out of range"},
		{text: "localhost:0", refuse: "port out of range"},
		{text: "localhost:65536", refuse: "port out of range"},
		{text: "localhost:etcd", refuse: "port out of range"},
		{text: "::1:2379", refuse: "too many colons"},
		{text: "[::zz]:2379", refuse: "malformed IPv6"},
		{text: "a b:2379", refuse: "malformed host"},
		{text: "localhost:2379/path", refuse: "only scheme, host and port"},
		{text: "localhost:2379//", refuse: "only scheme, host and port"},
		{text: "http://localhost", refuse: "missing port"},
		{text: "http://localhost:2379/v3", refuse: "only scheme, host and port"},
		{text: "http://root:secret@localhost:2379", refuse: "belong in WithCredentials"},
		{text: "https://localhost:2379?x=1", refuse: "only scheme, host and port"},
		{text: "http://localhost:2379", tls: true, refuse: "with TLS"},
		{text: "ftp://localhost:2379", refuse: "unknown scheme"},
		{text: "://localhost:2379", refuse: "empty scheme"},
		{text: "unix://run/etcd.sock", refuse: "unix:///path"},
		{text: "unixs://run/etcd.sock", refuse: "unixs:///path"},
		{text: "unix:///", refuse: "unix:///path"},
	}
	for _, c := range cases {
		t.Run(c.text, func(t *testing.T) {
			got, err := ParseAddresses([]string{c.text}, c.tls)
			if c.refuse != "" {
				if !errors.Is(err, connerr.ErrEndpoint) || !strings.Contains(err.Error(), c.refuse) {
					t.Fatalf("got %v, %v; want connerr.ErrEndpoint with %q", got, err, c.refuse)
				}
				if strings.Contains(err.Error(), "secret") && !strings.Contains(c.text, "secret") {
					t.Errorf("%v tells more than it was told", err)
				}
				return
			}
			c.want.Text = c.text
			if err != nil || got[0] != c.want {
				t.Errorf("got %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestAllSpellingsOfAnEndpointHaveOneKey(t *testing.T) {
	for _, same := range [][]string{
		{"127.0.0.1:2379", "http://127.0.0.1:2379", "HTTP://127.0.0.1:2379/", "https://127.0.0.1:2379", "127.0.0.1:02379", "[::ffff:127.0.0.1]:2379"},
		{"etcd.example:2379", "ETCD.Example:2379/", "https://etcd.example.:2379"},
		{"[::1]:2379", "http://[0:0:0::1]:2379", "[::0001]:2379"},
		{"[fe80::1%eth0]:2379", "http://[FE80::1%25eth0]:2379"},
		{"unix:///run/etcd.sock", "unixs:///run//etcd.sock", "UNIX:///run/./etcd.sock"},
	} {
		for _, text := range same {
			if got, want := KeyOf(text), KeyOf(same[0]); got != want || got == "" {
				t.Errorf("%q is known as %q, %q as %q", text, got, same[0], want)
			}
		}
	}
	different := []string{
		"127.0.0.1:2379", "127.0.0.1:2380", "127.0.0.2:2379", "localhost:2379", "[::1]:2379", "unix:///2379", "unix:///127.0.0.1:2379",
		"[fe80::1%eth0]:2379", "[fe80::1%eth1]:2379",
	}
	seen := map[string]string{"": "nothing"}
	for _, text := range different {
		key := KeyOf(text)
		if other, ok := seen[key]; ok {
			t.Errorf("%q and %q are both %q", text, other, key)
		}
		seen[key] = text
	}
}

func TestEveryBadEndpointIsNamedInOneError(t *testing.T) {
	_, err := ParseAddresses([]string{"nowhere", "localhost:2379", "http://localhost:2379", "ftp://x:1"}, false)
	if !errors.Is(err, connerr.ErrEndpoint) {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{`"nowhere"`, `"http://localhost:2379": already given as "localhost:2379"`, `"ftp://x:1"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %s", err, part)
		}
	}
	if _, err := ParseAddresses(nil, false); !errors.Is(err, connerr.ErrEndpoint) {
		t.Errorf("no endpoints: %v", err)
	}
}

func FuzzEndpoint(f *testing.F) {
	for _, text := range []string{"a:1", "[::1]:2", "https://x:3/", "unix:///p", "http://u@h:1", "://", "[%]:1", "a\x00:1"} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, hasTLS bool) {
		a, err := ParseAddress(text, hasTLS)
		if err != nil {
			return
		}
		if hasTLS && !a.Secure {
			t.Errorf("%q is in the clear on a connection with TLS", text)
		}
		if a.network == "unix" {
			return
		}
		host, port, err := net.SplitHostPort(a.dial)
		if err != nil || host == "" || port == "" || port == "0" {
			t.Errorf("%q gives %q: %v", text, a.dial, err)
		}
		again, err := ParseAddress(a.dial, hasTLS)
		if err != nil || again.dial != a.dial {
			t.Errorf("%q gives %q, which gives %q, %v", text, a.dial, again.dial, err)
		}
	})
}

func TestErrorOfALongEndpointIsShort(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, text := range []string{long, long + ":1", long + "://a:1", "a:" + long, "http://a:" + long, "unix://" + long, "http://" + long + "@a:1", "a:1?" + long} {
		_, err := ParseAddresses([]string{text}, false)
		if err == nil || len(err.Error()) > 1024 {
			t.Errorf("%.20q: the error has %d bytes: %.200v", text, len(fmt.Sprint(err)), err)
		}
	}
}
