// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// address is an endpoint as the dialer needs it.
type address struct {
	text    string // as given to Open; the endpoint's name in Info, errors and WithEndpoint
	network string // "tcp" or "unix"
	dial    string // host:port, or the socket's path
	secure  bool   // over TLS
}

// parseAddresses parses the endpoints of one connection. hasTLS says that the connection has a TLS configuration,
// which an endpoint without a scheme then uses. Every bad endpoint is named in the one error, an ErrEndpoint.
func parseAddresses(endpoints []string, hasTLS bool) ([]address, error) {
	if len(endpoints) == 0 {
		return nil, fmt.Errorf("%w: no endpoint given", ErrEndpoint)
	}
	var errs []error
	addresses := make([]address, 0, len(endpoints))
	seen := make(map[string]string, len(endpoints))
	for _, text := range endpoints {
		a, err := parseAddress(text, hasTLS)
		if err != nil {
			errs = append(errs, fmt.Errorf("%w: %q: %w", ErrEndpoint, text, err))
			continue
		}
		if first, ok := seen[a.dial]; ok {
			errs = append(errs, fmt.Errorf("%w: %q: given already as %q", ErrEndpoint, text, first))
			continue
		}
		seen[a.dial] = text
		addresses = append(addresses, a)
	}
	if len(errs) > 0 {
		return nil, faults(errs...)
	}
	return addresses, nil
}

func parseAddress(text string, hasTLS bool) (address, error) {
	a := address{text: text, network: "tcp", secure: hasTLS}
	scheme, rest, hasScheme := strings.Cut(text, "://")
	if !hasScheme {
		scheme, rest = "", text
	}
	switch scheme {
	case "unix":
		if !strings.HasPrefix(rest, "/") || len(rest) == 1 {
			return address{}, errors.New("a unix endpoint is unix:///path of the socket")
		}
		a.network, a.dial = "unix", rest
		return a, nil
	case "http":
		// Sending in the clear what was meant for TLS is not a thing to guess about.
		if hasTLS {
			return address{}, errors.New("an http endpoint on a connection with TLS")
		}
	case "https":
		a.secure = true
	case "":
		if hasScheme {
			return address{}, errors.New("empty scheme")
		}
	default:
		return address{}, fmt.Errorf("unknown scheme %q: want http, https or unix", scheme)
	}
	if hasScheme {
		u, err := url.Parse(text)
		if err != nil {
			var parse *url.Error
			if errors.As(err, &parse) {
				err = parse.Err
			}
			return address{}, err
		}
		if u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Path != "" && u.Path != "/") {
			return address{}, errors.New("only scheme, host and port belong in an endpoint")
		}
		rest = strings.TrimSuffix(rest, "/")
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		var bad *net.AddrError
		if errors.As(err, &bad) {
			err = errors.New(bad.Err)
		}
		return address{}, err
	}
	if host == "" {
		return address{}, errors.New("missing host")
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("/?#@\\", r) }) {
		return address{}, errors.New("malformed host")
	}
	if strings.Contains(host, ":") && net.ParseIP(strings.SplitN(host, "%", 2)[0]) == nil {
		return address{}, errors.New("malformed IPv6 address")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return address{}, errors.New("port out of range 1 to 65535")
	}
	a.dial = net.JoinHostPort(host, port)
	return a, nil
}
