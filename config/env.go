// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"encoding/csv"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eetcd-go/eetcd/conn"
)

// prefix is what the names of etcdctl's variables begin with.
const prefix = "ETCDCTL_"

// defaultEndpoint is etcdctl's.
const defaultEndpoint = "127.0.0.1:2379"

// discoveryTimeout bounds the look-up of the SRV records for [FromEnv].
const discoveryTimeout = 10 * time.Second

// FromEnv returns the endpoints and the options of etcdctl's variables, so conn.Open connects where etcdctl does:
//
//	ETCDCTL_ENDPOINTS                    separated by commas; the default is 127.0.0.1:2379
//	ETCDCTL_DISCOVERY_SRV                a domain with SRV records in place of the endpoints; see SRV
//	ETCDCTL_DISCOVERY_SRV_NAME           the service of these records
//	ETCDCTL_INSECURE_DISCOVERY           false: use only its https endpoints, with certificates for the domain; the default is true
//	ETCDCTL_CACERT, _CERT, _KEY          PEM files; one of them turns TLS on
//	ETCDCTL_INSECURE_TRANSPORT           false: TLS without these files; the default is true
//	ETCDCTL_INSECURE_SKIP_TLS_VERIFY     true: TLS with any server
//	ETCDCTL_USER, _PASSWORD              a user as name or as name:password; a password without a user has no effect
//	ETCDCTL_AUTH_JWT_TOKEN               a token; user and password then have no effect
//	ETCDCTL_DIAL_TIMEOUT                 as conn.WithConnectTimeout
//	ETCDCTL_COMMAND_TIMEOUT              as conn.WithDefaultTimeout
//	ETCDCTL_KEEPALIVE_TIME, _TIMEOUT     as the fields of Spec
//	ETCDCTL_MAX_REQUEST_BYTES, _RECV_    as the fields of Spec
//
// An empty variable counts as unset, a time of 0 too. Other variables are ignored: those of etcdctl are about its output. Where etcdctl
// has default times, those of package conn apply.
//
// What etcdctl accepts without using it, FromEnv refuses: a value that it cannot read and, in conn.Open, certificates beside http
// endpoints. It never asks for a password, so it refuses a user without one.
//
// It returns [ErrInvalid], which names every variable with a fault, or the error of [SRV]. It asks the DNS for ETCDCTL_DISCOVERY_SRV
// only, for 10 s at most. Certificate files are read by conn.Open. It is safe for concurrent use.
func FromEnv() (endpoints []string, opts []conn.Option, err error) {
	var e environment
	s, domain, plain := e.spec()
	opts = s.options(&e.faults, variable)
	if err := e.err("environment"); err != nil {
		return nil, nil, err
	}
	if domain == "" {
		return s.Endpoints, opts, nil
	}
	parent, cancel := context.WithTimeout(context.Background(), discoveryTimeout)
	defer cancel()
	found, err := SRV(parent, domain, e.text("DISCOVERY_SRV_NAME"))
	if err != nil {
		return nil, nil, err
	}
	return discovered(found, plain, s.Secure.encrypts(), s.Endpoints), opts, nil
}

// spec returns the configuration without what the DNS knows, the domain to ask it for, and whether http endpoints found are good.
func (e *environment) spec() (s Spec, domain string, plain bool) {
	s = Spec{
		Endpoints:      e.list("ENDPOINTS", defaultEndpoint),
		RequestTimeout: e.duration("COMMAND_TIMEOUT"), DialTimeout: e.duration("DIAL_TIMEOUT"),
		KeepAliveTime: e.duration("KEEPALIVE_TIME"), KeepAliveTimeout: e.duration("KEEPALIVE_TIMEOUT"),
		MaxCallSendMsgSize: e.integer("MAX_REQUEST_BYTES"), MaxCallRecvMsgSize: e.integer("MAX_RECV_BYTES"),
		Secure: &Secure{
			Cert: e.text("CERT"), Key: e.text("KEY"), Cacert: e.text("CACERT"),
			InsecureTransport: e.boolean("INSECURE_TRANSPORT", true), InsecureSkipVerify: e.boolean("INSECURE_SKIP_TLS_VERIFY", false),
		},
		Auth: e.auth(),
	}
	domain, plain = e.text("DISCOVERY_SRV"), e.boolean("INSECURE_DISCOVERY", true)
	if !plain {
		s.Secure.ServerName = domain
	}
	return s, domain, plain
}

// discovered returns those of the endpoints found that the settings allow, or the others if there is none.
func discovered(found []string, plain, encrypts bool, others []string) []string {
	secure := slices.DeleteFunc(slices.Clone(found), func(endpoint string) bool { return strings.HasPrefix(endpoint, "http://") })
	switch {
	case len(secure) > 0 && (encrypts || !plain):
		return secure
	case plain:
		return found
	default:
		return others
	}
}

// variable returns the variable for a field of Spec.
func variable(field string) string {
	switch field {
	case "request-timeout":
		field = "command-timeout"
	case "username":
		field = "user"
	case "token":
		field = "auth-jwt-token"
	}
	return prefix + strings.ToUpper(strings.ReplaceAll(field, "-", "_"))
}

// environment reads variables, and collects what is wrong with them.
type environment struct{ faults }

func (e *environment) text(name string) string { return os.Getenv(prefix + name) }

func (e *environment) boolean(name string, unset bool) bool {
	text := e.text(name)
	if text == "" {
		return unset
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		e.add(prefix+name, wantBoolean)
	}
	return value
}

func (e *environment) duration(name string) time.Duration {
	text := e.text(name)
	if text == "" {
		return 0
	}
	value, err := time.ParseDuration(text)
	if err != nil {
		e.add(prefix+name, wantDuration)
	}
	return value
}

func (e *environment) integer(name string) int {
	text := e.text(name)
	if text == "" {
		return 0
	}
	value, err := strconv.ParseInt(text, 0, strconv.IntSize)
	if err != nil {
		e.add(prefix+name, wantBytes)
	}
	return int(value)
}

// list reads a list as etcdctl does: values separated by commas, with spaces around them or in quotes.
func (e *environment) list(name string, unset ...string) (values []string) {
	text := e.text(name)
	if text == "" {
		return unset
	}
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(records) != 1 {
		e.add(prefix+name, "want values separated by commas, in one line")
		return nil
	}
	for _, value := range records[0] {
		if value = strings.TrimSpace(value); !slices.Contains(values, value) { // the same endpoint again is a fault in conn.Open
			values = append(values, value)
		}
	}
	return values
}

func (e *environment) auth() *Auth {
	user, password := e.text("USER"), e.text("PASSWORD")
	switch token := e.text("AUTH_JWT_TOKEN"); {
	case token != "":
		return &Auth{Token: token}
	case user == "":
		return nil
	case password == "":
		user, password, _ = strings.Cut(user, ":")
	}
	if user == "" && password == "" {
		e.add(prefix+"USER", "want name or name:password")
	}
	return &Auth{Username: user, Password: password}
}

const (
	wantBoolean = "want true or false"
	wantBytes   = "want a number of bytes"
)
