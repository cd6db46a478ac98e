// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/eetcd-go/eetcd/internal/tell"
)

// SRV returns the endpoints in the DNS SRV records of a domain, as etcdctl --discovery-srv finds them: https endpoints of the
// records _etcd-client-ssl._tcp, and http endpoints of the records _etcd-client._tcp. A service, as of --discovery-srv-name, is
// added to these names: _etcd-client-ssl-SERVICE._tcp. Within each kind the order is by priority, and by chance according to the
// weights. A server with both records is listed once, as https.
//
// A server with a plain record is reached without encryption, and DNS answers can be forged: leave http endpoints out if that
// matters. It returns [ErrInvalid] for an empty domain; otherwise an error wraps those of package net. A failed look-up is an
// error, unless the answer was that there are no such records. parent limits the look-up. SRV asks net.DefaultResolver, and is
// safe for concurrent use.
func SRV(parent context.Context, domain, service string) ([]string, error) {
	if parent == nil {
		return nil, faults{"the parent context is nil"}.err("SRV")
	}
	if domain == "" {
		return nil, faults{"the domain is empty"}.err("SRV")
	}
	suffix := ""
	if service != "" {
		suffix = "-" + service
	}
	var endpoints []string
	listed := map[string]bool{}
	lookUp := func(service, scheme string) error {
		_, records, err := net.DefaultResolver.LookupSRV(parent, service+suffix, "tcp", domain)
		if err != nil {
			return err
		}
		for _, r := range records {
			host := strings.TrimSuffix(r.Target, ".")
			if host == "" {
				continue // RFC 2782: the service is decidedly not there
			}
			at := net.JoinHostPort(host, strconv.Itoa(int(r.Port)))
			if !listed[at] {
				listed[at] = true
				endpoints = append(endpoints, scheme+"://"+at)
			}
		}
		return nil
	}
	encrypted := lookUp("etcd-client-ssl", "https")
	if encrypted != nil && !missing(encrypted) { // the plain records alone would turn encryption off
		return nil, fmt.Errorf("config: SRV records of %s: %w", domain, encrypted)
	}
	plain := lookUp("etcd-client", "http")
	switch {
	case len(endpoints) > 0:
		return endpoints, nil
	case plain == nil && encrypted == nil:
		return nil, fmt.Errorf("config: SRV records of %s: they say that there is no such service", domain)
	default:
		return nil, fmt.Errorf("config: SRV records of %s: %w", domain, tell.Error(both(encrypted, plain)))
	}
}

// both returns what there is of two errors.
func both(a, b error) error {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return fmt.Errorf("%w; %w", a, b)
}

// missing reports whether the DNS has answered that there is no such record.
func missing(err error) bool {
	var failed *net.DNSError
	return errors.As(err, &failed) && failed.IsNotFound
}
