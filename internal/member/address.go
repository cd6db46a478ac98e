// SPDX-License-Identifier: Apache-2.0

package member

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// Address is an endpoint as the dialer needs it.
type Address struct {
	Text    string // as given to Open; the endpoint's name in Info, errors and WithEndpoint
	network string // "tcp" or "unix"
	dial    string // host:port, or the socket's path
	Secure  bool   // over TLS
}

// Key is the same for all spellings of an endpoint: with or without a scheme, in upper or lower case, and in each
// form of an IP address.
func (a Address) Key() string {
	if a.network == "unix" {
		return "unix:" + path.Clean(a.dial)
	}
	host, port, _ := net.SplitHostPort(a.dial)
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
	}
	return net.JoinHostPort(strings.ToLower(strings.TrimSuffix(host, ".")), port)
}

// authority returns what the server is called in requests and proves with its certificate; "" where that is what is
// dialled. A zone is for the dialer of this side only (RFC 6874).
func (a Address) authority() string {
	if a.network == "unix" {
		return "localhost"
	}
	host, port, _ := net.SplitHostPort(a.dial)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() != "" {
		return net.JoinHostPort(ip.WithZone("").String(), port)
	}
	return ""
}

// KeyOf returns the key of an endpoint in any spelling, and "" for a malformed one.
func KeyOf(text string) string {
	a, err := ParseAddress(text, false)
	if err != nil {
		return ""
	}
	return a.Key()
}

// ParseAddresses parses the endpoints of one connection. hasTLS says that the connection has a TLS configuration. An
// endpoint without a scheme then uses TLS. One ErrEndpoint names every bad endpoint.
func ParseAddresses(endpoints []string, hasTLS bool) ([]Address, error) {
	if len(endpoints) == 0 {
		return nil, fmt.Errorf("%w: no endpoint given", connerr.ErrEndpoint)
	}
	var errs []error
	addresses := make([]Address, 0, len(endpoints))
	seen := make(map[string]string, len(endpoints))
	for _, text := range endpoints {
		a, err := ParseAddress(text, hasTLS)
		if err != nil {
			errs = append(errs, BadEndpoint(text, err))
			continue
		}
		key := a.Key()
		if first, ok := seen[key]; ok {
			errs = append(errs, fmt.Errorf("%w: %q: already given as %q", connerr.ErrEndpoint, text, first))
			continue
		}
		seen[key] = text
		addresses = append(addresses, a)
	}
	if len(errs) > 0 {
		return nil, connerr.All(errs...)
	}
	return addresses, nil
}

// BadEndpoint returns ErrEndpoint for a malformed endpoint.
func BadEndpoint(text string, err error) error {
	return fmt.Errorf("%w: %q: %w", connerr.ErrEndpoint, tell.Endpoint(text), err)
}

// errUser refuses an endpoint that holds a user and perhaps a password.
var errUser = errors.New("a user and a password belong in WithCredentials")

// errExtra refuses an endpoint with a path, a query or a fragment.
var errExtra = errors.New("only scheme, host and port belong in an endpoint")

// longest is the greatest length of an endpoint, in bytes: more than any host name or socket has, and little enough to be
// quoted.
const longest = 512

var errLong = fmt.Errorf("longer than %d bytes", longest)

// ParseAddress parses one endpoint. hasTLS has the same meaning as in ParseAddresses.
func ParseAddress(text string, hasTLS bool) (Address, error) {
	if len(text) > longest {
		return Address{}, errLong
	}
	if tell.Secretive(text) { // first, because later errors quote the text
		if strings.Contains(text, "@") {
			return Address{}, errUser
		}
		return Address{}, errExtra
	}
	a := Address{Text: text, network: "tcp", Secure: hasTLS}
	scheme, rest, hasScheme := strings.Cut(text, "://")
	if !hasScheme {
		scheme, rest = "", text
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "unix", "unixs":
		if !strings.HasPrefix(rest, "/") || len(rest) == 1 {
			return Address{}, fmt.Errorf("a unix endpoint is %s:///path of the socket", scheme)
		}
		a.network, a.dial, a.Secure = "unix", rest, hasTLS || scheme == "unixs"
		return a, nil
	case "http":
		// An http endpoint on a connection with TLS is a mistake: to guess could send secrets in the clear.
		if hasTLS {
			return Address{}, errors.New("an http endpoint on a connection with TLS")
		}
	case "https":
		a.Secure = true
	case "":
		if hasScheme {
			return Address{}, errors.New("empty scheme")
		}
	default:
		return Address{}, fmt.Errorf("unknown scheme %q: want http, https, unix or unixs", scheme)
	}
	if hasScheme {
		u, err := url.Parse(text)
		if err != nil {
			var parse *url.Error
			if errors.As(err, &parse) {
				err = parse.Err
			}
			return Address{}, err
		}
		if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || (u.Path != "" && u.Path != "/") {
			return Address{}, errExtra
		}
		rest = u.Host
	}
	var err error
	a.dial, err = hostPort(strings.TrimSuffix(rest, "/"))
	return a, err
}

// hostPort checks host:port and returns the form that is dialled.
func hostPort(text string) (string, error) {
	if strings.Contains(text, "/") {
		return "", errExtra
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		var bad *net.AddrError
		if errors.As(err, &bad) {
			err = errors.New(bad.Err)
		}
		return "", err
	}
	if host == "" {
		return "", errors.New("missing host")
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("?#@\\", r) }) {
		return "", errors.New("malformed host")
	}
	if _, err := netip.ParseAddr(host); err != nil && strings.ContainsAny(host, ":%") {
		return "", errors.New("malformed IPv6 address")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", fmt.Errorf("port out of range 1 to 65535: %q", port)
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}
