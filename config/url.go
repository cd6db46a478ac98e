// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eetcd-go/eetcd/conn"
)

// defaultPort is etcd's port for clients.
const defaultPort = "2379"

// Parse reads a URL of a cluster:
//
//	etcd://10.0.0.1:2379,10.0.0.2:2379,10.0.0.3:2379
//	etcds://app:secret@etcd.example.com/tenants/7?cacert=/etc/ca.pem&request-timeout=2s
//
// With etcds the connection uses TLS, with etcd it does not. An address is host, host:port, [::1] or [::1]:port, and the default
// port is 2379. In a user, a password and a namespace, write each of : / ? # @ and % as percent and two hexadecimal digits, such as
// %40 for @.
//
// The path is a namespace, a prefix of keys: /tenants/7 and /tenants/7/ are both "tenants/7/", and //tenants/7 is "/tenants/7/".
// Without a path the namespace is "". No option of a connection can carry it, because a namespace is a second connection with a name
// of its own. So Parse returns it, and conn.Conn.Namespace applies it:
//
//	endpoints, namespace, opts, err := config.Parse(url)
//	…
//	c, err := conn.Open(ctx, "cluster", endpoints, opts...)
//	…
//	name := "cluster" // of the requests
//	if namespace != "" {
//		name = "registry"
//		_, err = c.Namespace(name, namespace)
//	}
//
// Options follow a question mark, joined by &, each of them once:
//
//	cacert, cert, key, server-name, insecure-skip-tls-verify       as the fields of Secure; with etcds only
//	dial-timeout, request-timeout, keepalive-time,
//	keepalive-timeout, max-request-bytes, max-recv-bytes           as the fields of Spec
//	auto-sync, health-check-interval, hedge-delay, lazy, patience  as the options of package conn
//	mode                                                           connect-all or random
//
// It returns [ErrInvalid] with every fault. The error names options and numbers addresses, and has no other part of the URL, which
// may hold a secret. What the options of package conn do not allow, such as auto-sync=0s, [conn.Open] refuses with conn.ErrOption.
// Parse sends nothing and reads no file, and is safe for concurrent use.
func Parse(url string) (endpoints []string, namespace string, opts []conn.Option, err error) {
	u := parsed{seen: map[string]bool{}}
	u.parse(url)
	opts = append(u.spec.options(&u.faults, func(field string) string { return field }), u.opts...)
	if err := u.err("URL"); err != nil {
		return nil, "", nil, err
	}
	return u.spec.Endpoints, u.namespace, opts, nil
}

// parsed is what a URL says, as far as it has been read.
type parsed struct {
	faults
	spec      Spec
	secure    bool // by its scheme
	namespace string
	opts      []conn.Option
	seen      map[string]bool // the options that have been read
}

func (u *parsed) parse(text string) {
	scheme, rest, _ := strings.Cut(text, "://")
	switch strings.ToLower(scheme) {
	case "etcd":
	case "etcds":
		u.secure, u.spec.Secure = true, &Secure{}
	default:
		u.add("scheme", "want etcd:// or etcds://")
		return
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, rest := rest[:end], rest[end:]
	if strings.Contains(rest, "@") || strings.Count(authority, "@") > 1 { // what follows is no address, but a piece of the password
		u.add("user and password", "write : / ? # @ and % in percent-encoding, such as %40 for @; likewise in what follows the addresses")
		return
	}
	if login, addresses, has := strings.Cut(authority, "@"); has {
		u.login(login)
		authority = addresses
	}
	for i, address := range strings.Split(authority, ",") {
		u.address("address "+strconv.Itoa(i+1), address)
	}
	if strings.Contains(rest, "#") {
		u.add("fragment", "a URL of a cluster has none; write # as %23")
		return
	}
	path, query, _ := strings.Cut(rest, "?")
	u.path(path)
	if query == "" {
		return
	}
	for i, option := range strings.Split(query, "&") {
		u.option("option "+strconv.Itoa(i+1), option)
	}
}

const badEscape = "after % two hexadecimal digits are missing"

func (u *parsed) login(text string) {
	user, password, _ := strings.Cut(text, ":")
	a := &Auth{}
	var wrongUser, wrongPassword error
	a.Username, wrongUser = url.PathUnescape(user)
	a.Password, wrongPassword = url.PathUnescape(password)
	switch {
	case wrongUser != nil || wrongPassword != nil:
		u.add("user and password", badEscape)
	case a.Username == "" || a.Password == "":
		u.add("user and password", "want user:password before the @")
	default:
		u.spec.Auth = a
	}
}

// address reads an address into an endpoint.
func (u *parsed) address(name, text string) {
	host, port, err := net.SplitHostPort(text)
	if err != nil { // perhaps because there is no port
		host, port, err = net.SplitHostPort(text + ":" + defaultPort)
	}
	number, notNumber := strconv.ParseUint(port, 10, 16)
	zoned := strings.ReplaceAll(host, "%25", "%") // as RFC 6874 writes a zone
	switch {
	case text == "":
		u.add(name, "is empty")
	case strings.EqualFold(text, "http:"), strings.EqualFold(text, "https:"):
		u.add(name, "is without http:// and https://; etcds:// turns on TLS for all")
	case err != nil:
		u.add(name, "want host, host:port, [IPv6] or [IPv6]:port")
	case !isHost(zoned, strings.HasPrefix(text, "[")):
		u.add(name, "has a malformed host")
	case notNumber != nil || number == 0:
		u.add(name, "has a port out of the range 1 to 65535")
	case u.secure:
		u.spec.Endpoints = append(u.spec.Endpoints, "https://"+net.JoinHostPort(strings.ReplaceAll(zoned, "%", "%25"), port))
	default:
		u.spec.Endpoints = append(u.spec.Endpoints, net.JoinHostPort(zoned, port))
	}
}

// isHost reports whether a text is an IP address, which is in brackets if it has colons, or looks like a host name.
func isHost(text string, brackets bool) bool {
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip.Is6() == brackets
	}
	return text != "" && !brackets && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._", r)
	})
}

func (u *parsed) path(text string) {
	namespace, err := url.PathUnescape(strings.TrimPrefix(text, "/"))
	if err != nil {
		u.add("namespace", badEscape)
		return
	}
	if namespace != "" && !strings.HasSuffix(namespace, "/") {
		namespace += "/" // otherwise tenants/7 would hold tenants/77 too
	}
	u.namespace = namespace
}

// option reads one option, name=value.
func (u *parsed) option(number, text string) {
	name, value, has := strings.Cut(text, "=")
	set := options[name]
	switch {
	case set == nil:
		u.add(number, "is none of "+strings.Join(slices.Sorted(maps.Keys(options)), ", ")) // and its name may be a secret
		return
	case u.seen[name]:
		u.add(name, "is there twice")
		return
	}
	u.seen[name] = true
	value, err := url.PathUnescape(value)
	if err != nil {
		u.add(name, badEscape)
		return
	}
	if !has && slices.Contains([]string{"insecure-skip-tls-verify", "lazy"}, name) {
		value = "true"
	}
	if problem := set(u, value); problem != "" {
		u.add(name, problem)
	}
}

// options has how each option of a URL is set. The result says what is wrong.
var options = map[string]func(u *parsed, value string) (problem string){
	"cacert":      secured(func(s *Secure, value string) { s.Cacert = value }),
	"cert":        secured(func(s *Secure, value string) { s.Cert = value }),
	"key":         secured(func(s *Secure, value string) { s.Key = value }),
	"server-name": secured(func(s *Secure, value string) { s.ServerName = value }),
	"insecure-skip-tls-verify": boolean(func(u *parsed, value bool) (problem string) {
		return secured(func(s *Secure, _ string) { s.InsecureSkipVerify = value })(u, "-")
	}),
	"dial-timeout":          duration(func(u *parsed, d time.Duration) { u.spec.DialTimeout = d }),
	"request-timeout":       duration(func(u *parsed, d time.Duration) { u.spec.RequestTimeout = d }),
	"keepalive-time":        duration(func(u *parsed, d time.Duration) { u.spec.KeepAliveTime = d }),
	"keepalive-timeout":     duration(func(u *parsed, d time.Duration) { u.spec.KeepAliveTimeout = d }),
	"max-request-bytes":     size(func(u *parsed, n int) { u.spec.MaxCallSendMsgSize = n }),
	"max-recv-bytes":        size(func(u *parsed, n int) { u.spec.MaxCallRecvMsgSize = n }),
	"auto-sync":             duration(func(u *parsed, d time.Duration) { u.with(conn.WithAutoSync(d)) }),
	"health-check-interval": duration(func(u *parsed, d time.Duration) { u.with(conn.WithHealthCheckInterval(d)) }),
	"hedge-delay":           duration(func(u *parsed, d time.Duration) { u.with(conn.WithHedgeDelay(d)) }),
	"patience":              duration(func(u *parsed, d time.Duration) { u.with(conn.WithPatience(d)) }),
	"lazy": boolean(func(u *parsed, value bool) string {
		if value {
			u.with(conn.WithLazy())
		}
		return ""
	}),
	"mode": func(u *parsed, value string) string {
		switch value {
		case "connect-all":
			u.with(conn.WithMode(conn.ConnectAll))
		case "random":
			u.with(conn.WithMode(conn.Random))
		default:
			return "want connect-all or random"
		}
		return ""
	},
}

func (u *parsed) with(opt conn.Option) { u.opts = append(u.opts, opt) }

// secured sets what only an encrypted connection has.
func secured(set func(s *Secure, value string)) func(*parsed, string) string {
	return func(u *parsed, value string) string {
		switch {
		case !u.secure:
			return "is for etcds:// only"
		case value == "":
			return "is empty"
		}
		set(u.spec.Secure, value)
		return ""
	}
}

func boolean(set func(*parsed, bool) string) func(*parsed, string) string {
	return func(u *parsed, text string) string {
		value, err := strconv.ParseBool(text)
		if err != nil {
			return wantBoolean
		}
		return set(u, value)
	}
}

func duration(set func(*parsed, time.Duration)) func(*parsed, string) string {
	return func(u *parsed, text string) string {
		value, err := time.ParseDuration(text)
		if err != nil || value < 0 {
			return wantDuration
		}
		set(u, value)
		return ""
	}
}

func size(set func(*parsed, int)) func(*parsed, string) string {
	return func(u *parsed, text string) string {
		value, err := strconv.Atoi(text)
		if err != nil {
			return wantBytes
		}
		set(u, value)
		return ""
	}
}
