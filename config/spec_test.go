// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"
)

const file = `{
	"endpoints": ["a:1", "b:2"],
	"request-timeout": 5000000000, "dial-timeout": "2s", "keepalive-time": 1e10, "keepalive-timeout": null,
	"max-request-bytes": 1024, "max-recv-bytes": 2048,
	"secure": {"cert": "c", "key": "k", "cacert": "ca", "server-name": "s", "insecure-transport": true, "insecure-skip-tls-verify": true},
	"auth": {"username": "root", "password": "hunter2"}
}`

func TestSpecReadsAFileAndShowsNoSecret(t *testing.T) {
	var s Spec
	if err := json.Unmarshal([]byte(strings.Replace(file, "1e10", "10000000000", 1)), &s); err != nil {
		t.Fatal(err)
	}
	want := Spec{
		Endpoints: []string{"a:1", "b:2"}, RequestTimeout: 5 * time.Second, DialTimeout: 2 * time.Second, KeepAliveTime: 10 * time.Second,
		MaxCallSendMsgSize: 1024, MaxCallRecvMsgSize: 2048,
		Secure: &Secure{Cert: "c", Key: "k", Cacert: "ca", ServerName: "s", InsecureTransport: true, InsecureSkipVerify: true},
		Auth:   &Auth{Username: "root", Password: secret},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %v, want %v", s, want)
	}
	written, err := json.Marshal(s)
	var again Spec
	if err := errors.Join(err, json.Unmarshal(written, &again)); err != nil || !reflect.DeepEqual(again, s) {
		t.Errorf("written and read again it is %v: %v", again, err)
	}

	s.Endpoints = append(s.Endpoints, "root:hunter2@c:3")
	s.Auth.Token = secret
	var out bytes.Buffer
	shown := []any{s, &s, *s.Auth, s.Auth, []Spec{s}, map[string]any{"spec": s}, struct{ S Spec }{s}, struct{ P *Spec }{&s}}
	for _, value := range shown {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%10.3v", "%t", "%T"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
	}
	fmt.Fprintln(&out, shown...)
	fmt.Fprintln(&out, s.String(), s.Auth.String(), errors.New(fmt.Sprint(s)))
	for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))} {
		log.Info("read", "spec", s, "pointer", &s, "auth", s.Auth, "value", *s.Auth, slog.Group("g", "spec", s))
	}
	hex := fmt.Sprintf("%x", secret)
	if text := out.String(); strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), hex) {
		for line := range strings.Lines(text) {
			if strings.Contains(line, secret) || strings.Contains(strings.ToLower(line), hex) {
				t.Errorf("a secret is in %s", line)
			}
		}
	}
	for _, part := range []string{"Username:root Password:*** Token:***", "***@c:3", "ServerName:s", "RequestTimeout:5s"} {
		if !strings.Contains(s.String(), part) {
			t.Errorf("%s does not have %q", s, part)
		}
	}
}

func TestSpecRefusesWhatItDoesNotKnow(t *testing.T) {
	for text, want := range map[string]string{
		`{"endpoint": ["a:1"]}`:                               `unknown field "endpoint"`,
		`{"auth": {"user": "hunter2"}}`:                       `unknown field "user"`,
		`{"auth": {"password": ["hunter2"]}}`:                 "json: auth.password: is of type array",
		`{"auth": {"password": 1e999}}`:                       "json: auth.password: is of type number",
		`{"auth": "hunter2"}`:                                 "json: auth: is of type string",
		`{"endpoints": "hunter2"}`:                            "json: endpoints: is of type string",
		`{"endpoints": [1]}`:                                  "json: endpoints: is of type number",
		`["hunter2"]`:                                         "json: want an object, and it is of type array",
		`{"dial-timeout": "hunter2", "keepalive-time": true}`: "dial-timeout: want a duration such as 5s; keepalive-time: want a duration",
		`{"max-recv-bytes": "hunter2"}`:                       "json: max-recv-bytes: is of type string",
	} {
		err := json.Unmarshal([]byte(text), new(Spec))
		if !errors.Is(err, ErrInvalid) || !strings.Contains(fmt.Sprint(err), want) || strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestSpecNamesEachFaultAndNoSecret(t *testing.T) {
	for name, tt := range map[string]struct {
		Spec
		want string
	}{
		"nanoseconds":          {Spec{RequestTimeout: 5, DialTimeout: -1}, "request-timeout: must be at least 1ms, or 0 for the default; dial-timeout: must"},
		"keepalive":            {Spec{KeepAliveTime: -1, KeepAliveTimeout: 10}, "keepalive-time: must be at least 1ms, or 0 for the default; keepalive-timeout: must"},
		"sizes":                {Spec{MaxCallSendMsgSize: -1, MaxCallRecvMsgSize: -1}, "max-request-bytes: must not be negative; max-recv-bytes: must not"},
		"a certificate alone":  {Spec{Secure: &Secure{Cert: secret}}, "cert: goes together with key"},
		"a user alone":         {Spec{Auth: &Auth{Username: secret}}, "password: is missing"},
		"a password alone":     {Spec{Auth: &Auth{Password: secret}}, "username: is missing"},
		"a token and a user":   {Spec{Auth: &Auth{Username: "a", Token: secret}}, "token: excludes a user and a password"},
		"a token and password": {Spec{Auth: &Auth{Password: "a", Token: secret}}, "token: excludes a user and a password"},
	} {
		endpoints, opts, err := tt.Options()
		if !errors.Is(err, ErrInvalid) || !strings.HasPrefix(err.Error(), "config: specification: "+tt.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
		if endpoints != nil || opts != nil {
			t.Errorf("%s: got %q and %d options beside the error", name, endpoints, len(opts))
		}
	}
	for name, s := range map[string]Spec{
		"nothing": {}, "nobody": {Auth: &Auth{}}, "a token": {Auth: &Auth{Token: "t"}}, "TLS": {Secure: &Secure{}},
		"no TLS": {Secure: &Secure{InsecureTransport: true}},
	} {
		if _, _, err := s.Options(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEndpointsOfASpecAreACopy(t *testing.T) {
	s := Spec{Endpoints: []string{"a:1"}}
	endpoints, _, err := s.Options()
	if err != nil || len(endpoints) != 1 {
		t.Fatal(endpoints, err)
	}
	endpoints[0] = "b:1"
	if s.Endpoints[0] != "a:1" {
		t.Errorf("the endpoints of s are %q", s.Endpoints)
	}
}
