// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// Spec is a configuration in a file. It has the fields of clientv3's ConfigSpec and their names in JSON and YAML, so it reads the
// same files. Every field may be left out. In Go, a ConfigSpec is copied field by field.
//
// In JSON, a duration is a text such as "5s", or a number of nanoseconds as clientv3 writes it. An unknown name is an error. In
// YAML, a duration is a text.
//
// Formatted by package fmt or logged by log/slog, a Spec shows no password and no token. Marshalled to JSON or YAML it holds them,
// because that is how such a file is written. Both packages pass over the methods of a Spec in an unexported field, and loggers
// marshal a struct that has one. So log the Spec itself, and no struct that holds it.
type Spec struct {
	// Endpoints are those of conn.Open.
	Endpoints []string `json:"endpoints" yaml:"endpoints"`
	// RequestTimeout limits each call; see conn.WithDefaultTimeout, which is the default.
	RequestTimeout time.Duration `json:"request-timeout" yaml:"request-timeout"`
	// DialTimeout limits an attempt to connect; see conn.WithConnectTimeout, which is the default.
	DialTimeout time.Duration `json:"dial-timeout" yaml:"dial-timeout"`
	// KeepAliveTime is the pause between two pings on a transport in use. gRPC raises it to 10 s, which is the default.
	KeepAliveTime time.Duration `json:"keepalive-time" yaml:"keepalive-time"`
	// KeepAliveTimeout is how long the answer to a ping may take. The default is 5 s.
	KeepAliveTimeout time.Duration `json:"keepalive-timeout" yaml:"keepalive-timeout"`
	// MaxCallSendMsgSize is the largest request in bytes. The default is 2 GiB, and the server has its own limit (1.5 MiB).
	MaxCallSendMsgSize int `json:"max-request-bytes" yaml:"max-request-bytes"`
	// MaxCallRecvMsgSize is the largest response in bytes. The default is 2 GiB.
	MaxCallRecvMsgSize int `json:"max-recv-bytes" yaml:"max-recv-bytes"`
	// Secure is how the connection is encrypted. With nil, only https and unixs endpoints are.
	Secure *Secure `json:"secure" yaml:"secure"`
	// Auth is who the program is. With nil it is nobody.
	Auth *Auth `json:"auth" yaml:"auth"`
}

// Options returns the endpoints and the options for conn.Open. It returns [ErrInvalid] for a negative value, a duration below 1 ms
// (0 stands for the default), a certificate without its key, a user without a password, a token beside a user, or a larger limit
// for requests than for responses. Certificate files are read by conn.Open, and again when they change (conn.WithTLSFiles). The
// result shares no memory with s. Options sends nothing, and is safe for concurrent use.
func (s Spec) Options() (endpoints []string, opts []conn.Option, err error) {
	var f faults
	opts = s.options(&f, func(field string) string { return field })
	if err := f.err("specification"); err != nil {
		return nil, nil, err
	}
	return slices.Clone(s.Endpoints), opts, nil
}

// options returns the options of a connection. It adds to f what is wrong. name returns what the source calls a field.
func (s Spec) options(f *faults, name func(field string) string) (opts []conn.Option) {
	for _, d := range []struct {
		field string
		time.Duration
	}{
		{"request-timeout", s.RequestTimeout}, {"dial-timeout", s.DialTimeout},
		{"keepalive-time", s.KeepAliveTime}, {"keepalive-timeout", s.KeepAliveTimeout},
	} {
		if d.Duration != 0 && d.Duration < time.Millisecond {
			f.add(name(d.field), "must be at least 1ms, or 0 for the default")
		}
	}
	if s.RequestTimeout != 0 {
		opts = append(opts, conn.WithDefaultTimeout(s.RequestTimeout))
	}
	if s.DialTimeout != 0 {
		opts = append(opts, conn.WithConnectTimeout(s.DialTimeout))
	}
	opts = append(opts, s.Secure.options(f, name)...)
	opts = append(opts, s.Auth.options(f, name)...)
	if dial := s.dial(f, name); dial != nil {
		opts = append(opts, conn.WithDialOptions(dial...))
	}
	return opts
}

// The keepalive of a connection; see internal/member.
const (
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 5 * time.Second
)

// dial returns the options that gRPC has and package conn has not.
func (s Spec) dial(f *faults, name func(string) string) (opts []grpc.DialOption) {
	if s.KeepAliveTime != 0 || s.KeepAliveTimeout != 0 {
		params := keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}
		if s.KeepAliveTime != 0 {
			params.Time = s.KeepAliveTime
		}
		if s.KeepAliveTimeout != 0 {
			params.Timeout = s.KeepAliveTimeout
		}
		opts = append(opts, grpc.WithKeepaliveParams(params))
	}
	if s.MaxCallSendMsgSize < 0 {
		f.add(name("max-request-bytes"), "must not be negative")
	}
	if s.MaxCallRecvMsgSize < 0 {
		f.add(name("max-recv-bytes"), "must not be negative")
	}
	if s.MaxCallRecvMsgSize > 0 && s.MaxCallSendMsgSize > s.MaxCallRecvMsgSize {
		f.add(name("max-request-bytes"), "must not be larger than "+name("max-recv-bytes"))
	}
	if s.MaxCallSendMsgSize > 0 {
		opts = append(opts, grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(s.MaxCallSendMsgSize)))
	}
	if s.MaxCallRecvMsgSize > 0 {
		opts = append(opts, grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(s.MaxCallRecvMsgSize)))
	}
	if s.Auth != nil && s.Auth.Token != "" {
		opts = append(opts, grpc.WithPerRPCCredentials(bearer{s.Auth.Token}))
	}
	return opts
}

// UnmarshalJSON reads the JSON of clientv3's ConfigSpec. A duration may be a text such as "5s" too. A field that is missing in the
// JSON keeps its value. It returns [ErrInvalid] for an unknown name and for a value of another type.
func (s *Spec) UnmarshalJSON(encoded []byte) error {
	type fields Spec // without methods
	read := struct {
		*fields
		RequestTimeout   json.RawMessage `json:"request-timeout"`
		DialTimeout      json.RawMessage `json:"dial-timeout"`
		KeepAliveTime    json.RawMessage `json:"keepalive-time"`
		KeepAliveTimeout json.RawMessage `json:"keepalive-timeout"`
	}{fields: (*fields)(s)}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		return faults{unread(err)}.err("specification")
	}
	var f faults
	for _, d := range []struct {
		name string
		from json.RawMessage
		to   *time.Duration
	}{
		{"request-timeout", read.RequestTimeout, &s.RequestTimeout},
		{"dial-timeout", read.DialTimeout, &s.DialTimeout},
		{"keepalive-time", read.KeepAliveTime, &s.KeepAliveTime},
		{"keepalive-timeout", read.KeepAliveTimeout, &s.KeepAliveTimeout},
	} {
		if err := unmarshalDuration(d.from, d.to); err != nil {
			f.add(d.name, wantDuration)
		}
	}
	return f.err("specification")
}

// unread says what is wrong with JSON. The words of encoding/json about a type are for those who know the code.
func unread(err error) string {
	var e *json.UnmarshalTypeError
	if !errors.As(err, &e) {
		return tell.Line(err.Error())
	}
	kind, _, _ := strings.Cut(e.Value, " ") // without the value itself
	if e.Field == "" {
		return "json: want an object, and it is of type " + kind
	}
	return "json: " + strings.TrimPrefix(e.Field, "fields.") + ": is of type " + kind
}

const wantDuration = `want a duration such as 5s`

func unmarshalDuration(encoded json.RawMessage, to *time.Duration) (err error) {
	if len(encoded) == 0 || encoded[0] != '"' {
		if len(encoded) == 0 {
			return nil
		}
		return json.Unmarshal(encoded, to)
	}
	var text string
	if err := json.Unmarshal(encoded, &text); err != nil {
		return err
	}
	*to, err = time.ParseDuration(text)
	return err
}

// String returns the configuration without its secrets.
func (s Spec) String() string { return fmt.Sprintf("%+v", s) }

// Format writes the configuration without its secrets, for package fmt and every verb.
func (s Spec) Format(f fmt.State, verb rune) {
	shown := struct {
		Endpoints                                                    []string
		RequestTimeout, DialTimeout, KeepAliveTime, KeepAliveTimeout time.Duration
		MaxCallSendMsgSize, MaxCallRecvMsgSize                       int
		Secure, Auth                                                 any // not pointers, of which fmt would show the address
	}{
		make([]string, len(s.Endpoints)), s.RequestTimeout, s.DialTimeout, s.KeepAliveTime, s.KeepAliveTimeout,
		s.MaxCallSendMsgSize, s.MaxCallRecvMsgSize, nil, nil,
	}
	for i, e := range s.Endpoints {
		shown.Endpoints[i] = tell.Endpoint(e)
	}
	if s.Secure != nil {
		shown.Secure = *s.Secure
	}
	if s.Auth != nil {
		shown.Auth = *s.Auth
	}
	fmt.Fprintf(f, fmt.FormatString(f, verb), shown)
}

// LogValue is what package log/slog logs: the configuration without its secrets.
func (s Spec) LogValue() slog.Value { return slog.StringValue(s.String()) }
