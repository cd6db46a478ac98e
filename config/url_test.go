// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
)

const secret = "hunter2"

func TestParseReadsAddressesUserNamespaceAndOptions(t *testing.T) {
	type want struct {
		Spec
		namespace string
		opts      int // of package conn
	}
	tls := func(s Secure, endpoints ...string) want { return want{Spec: Spec{Endpoints: endpoints, Secure: &s}} }
	plain := func(endpoints ...string) want { return want{Spec: Spec{Endpoints: endpoints}} }
	in := func(namespace string) want {
		return want{Spec: Spec{Endpoints: []string{"a:2379"}}, namespace: namespace}
	}
	as := func(user, password string) want {
		return want{Spec: Spec{Endpoints: []string{"a:2379"}, Auth: &Auth{Username: user, Password: password}}}
	}
	with := func(s Spec, opts int) want { s.Endpoints = []string{"a:2379"}; return want{Spec: s, opts: opts} }
	for text, want := range map[string]want{
		"etcd://a":                                 plain("a:2379"),
		"ETCD://a:1":                               plain("a:1"),
		"etcd://a:1,b,c.example.com:3":             plain("a:1", "b:2379", "c.example.com:3"),
		"etcd://10.0.0.1,[::1],[::1]:80":           plain("10.0.0.1:2379", "[::1]:2379", "[::1]:80"),
		"etcd://[fe80::1%25eth0]:1":                plain("[fe80::1%eth0]:1"),
		"etcds://a,b:1":                            tls(Secure{}, "https://a:2379", "https://b:1"),
		"etcds://[fe80::1%25eth0]":                 tls(Secure{}, "https://[fe80::1%25eth0]:2379"),
		"etcds://a?cacert=/ca&cert=/c%26c&key=/k":  tls(Secure{Cacert: "/ca", Cert: "/c&c", Key: "/k"}, "https://a:2379"),
		"etcds://a?server-name=b":                  tls(Secure{ServerName: "b"}, "https://a:2379"),
		"etcds://a?insecure-skip-tls-verify":       tls(Secure{InsecureSkipVerify: true}, "https://a:2379"),
		"etcds://a?insecure-skip-tls-verify=false": tls(Secure{}, "https://a:2379"),
		"etcd://a/":                                in(""),
		"etcd://a?":                                in(""),
		"etcd://a/tenants/7":                       in("tenants/7/"),
		"etcd://a/tenants/7/":                      in("tenants/7/"),
		"etcd://a//registry":                       in("/registry/"),
		"etcd://a/a%40b%3fc?lazy=0":                in("a@b?c/"),
		"etcd://app:hunter2@a":                     as("app", secret),
		"etcd://app:a:b,c@a":                       as("app", "a:b,c"),
		"etcd://a%40b:p%3a%2f%3f%23%40%25+@a":      as("a@b", "p:/?#@%+"),
		"etcd://a?request-timeout=2s&dial-timeout=3s&keepalive-time=20s&keepalive-timeout=4s&max-request-bytes=1&max-recv-bytes=2": with(Spec{
			RequestTimeout: 2 * time.Second, DialTimeout: 3 * time.Second, KeepAliveTime: 20 * time.Second, KeepAliveTimeout: 4 * time.Second,
			MaxCallSendMsgSize: 1, MaxCallRecvMsgSize: 2}, 0),
		"etcd://a?auto-sync=1m&health-check-interval=1s&hedge-delay=1s&lazy&patience=0s&mode=random": with(Spec{}, 6),
		"etcd://a?mode=connect-all": with(Spec{}, 1),
	} {
		u := parsed{seen: map[string]bool{}}
		u.parse(text)
		if got := (struct {
			Spec
			namespace string
			opts      int
		}{u.spec, u.namespace, len(u.opts)}); u.faults != nil || !reflect.DeepEqual(got, struct {
			Spec
			namespace string
			opts      int
		}(want)) {
			t.Errorf("%s: got %v in %q with %d options, want %v in %q with %d: %q",
				text, got.Spec, got.namespace, got.opts, want.Spec, want.namespace, want.opts, u.faults)
		}
		endpoints, namespace, opts, err := Parse(text)
		if err != nil || !reflect.DeepEqual(endpoints, want.Endpoints) || namespace != want.namespace || len(opts) < want.opts {
			t.Errorf("%s: got %q, %q, %d options, %v", text, endpoints, namespace, len(opts), err)
		}
	}
}

func TestParseNamesEachFaultAndNoSecret(t *testing.T) {
	const user, unknown = "user and password: ", "option 1: is none of auto-sync, cacert, "
	for text, want := range map[string]string{
		"":                               "scheme: want etcd:// or etcds://",
		"hunter2":                        "scheme: ",
		"hunter2://a":                    "scheme: ",
		"http://a":                       "scheme: ",
		"etcd:a":                         "scheme: ",
		"etcd://":                        "address 1: is empty",
		"etcd://a,,b,":                   "address 2: is empty; address 4: is empty",
		"etcd://::1":                     "address 1: want host",
		"etcd://[a]":                     "address 1: has a malformed host",
		"etcd://[10.0.0.1]":              "address 1: has a malformed host",
		"etcd://hunter 2":                "address 1: has a malformed host",
		"etcd://app:hunter2":             "address 1: has a port out of the range",
		"etcd://b,http://a:1":            "address 2: is without http://",
		"etcd://a:0,b:65536,c:":          "address 1: has a port out of the range 1 to 65535; address 2: has a port out of the range 1 to 65535; address 3: ",
		"etcd://app@a":                   user + "want user:password",
		"etcd://:hunter2@a":              user + "want user:password",
		"etcd://app:@a":                  user + "want user:password",
		"etcd://app:hunter2%@a":          user + badEscape,
		"etcd://app:hunter2/x@a":         user + "write : / ? # @ and % in percent-encoding",
		"etcd://app:hunter2?hunter2=x@a": user + "write",
		"etcd://app:hunter2#x@a":         user + "write",
		"etcd://app:hunter2@x@a":         user + "write",
		"etcd://a/%zz":                   "namespace: " + badEscape,
		"etcd://a/b#hunter2":             "fragment: ",
		"etcd://a?hunter2":               unknown,
		"etcd://a?hunter2=hunter2":       unknown,
		"etcd://a?lazy&lazy":             "lazy: is there twice",
		"etcd://a?lazy=hunter2":          "lazy: want true or false",
		"etcd://a?mode=hunter2":          "mode: want connect-all or random",
		"etcd://a?patience=hunter2":      "patience: want a duration such as 5s",
		"etcd://a?patience=-1s":          "patience: want a duration",
		"etcd://a?request-timeout=5":     "request-timeout: want a duration",
		"etcd://a?dial-timeout=1us":      "dial-timeout: must be at least 1ms",
		"etcd://a?max-recv-bytes=1MB":    "max-recv-bytes: want a number of bytes",
		"etcd://a?max-recv-bytes=-1":     "max-recv-bytes: must not be negative",
		"etcd://a?max-recv-bytes=1&max-request-bytes=2": "max-request-bytes: must not be larger than max-recv-bytes",
		"etcd://a?cacert=/hunter2":                      "cacert: is for etcds:// only",
		"etcd://a?insecure-skip-tls-verify":             "insecure-skip-tls-verify: is for etcds:// only",
		"etcds://a?cacert=":                             "cacert: is empty",
		"etcds://a?cacert=%hunter2":                     "cacert: " + badEscape,
		"etcds://a?cert=/hunter2":                       "cert: goes together with key",
		"etcds://app@a:0?mode=x":                        user + "want user:password before the @; address 1: has a port out of the range 1 to 65535; mode: want",
	} {
		endpoints, namespace, opts, err := Parse(text)
		if !errors.Is(err, ErrInvalid) || !strings.HasPrefix(err.Error(), "config: URL: "+want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error has more than one line, or the secret: %v", text, err)
		}
		if endpoints != nil || namespace != "" || opts != nil {
			t.Errorf("%s: got %q, %q and %d options beside the error", text, endpoints, namespace, len(opts))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("app", "x", "a:1,b/n?lazy")
	f.Add("", "/x", "[::1]?cacert=%2fca&mode=random")
	f.Add("a?b", "@#?%25%", "#")
	f.Fuzz(func(t *testing.T, user, more, rest string) {
		for _, text := range []string{rest, "etcds://" + rest, "etcd://" + user + ":" + secret + more + "@" + rest} {
			endpoints, _, _, err := Parse(text)
			switch {
			case err == nil && len(endpoints) == 0:
				t.Errorf("%q has no endpoint", text)
			case err != nil && (!errors.Is(err, ErrInvalid) || strings.Contains(err.Error(), secret) || strings.ContainsAny(err.Error(), "\n\r")):
				t.Errorf("%q: %v", text, err)
			}
			for _, endpoint := range endpoints {
				if host, port, err := net.SplitHostPort(strings.TrimPrefix(endpoint, "https://")); err != nil || host == "" || port == "" {
					t.Errorf("%q has the endpoint %q: %v", text, endpoint, err)
				}
			}
		}
	})
}

func TestTwoReasonsAreApart(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	for _, tt := range []struct {
		a, b error
		want string
	}{{a, nil, "a"}, {nil, b, "b"}, {a, b, "a; b"}} {
		err := both(tt.a, tt.b)
		if err.Error() != tt.want || errors.Is(err, a) != (tt.a != nil) || errors.Is(err, b) != (tt.b != nil) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}
