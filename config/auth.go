// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/eetcd-go/eetcd/conn"
)

// Auth is who a program is to the servers: a user with a password, or a token in their place. The zero value is nobody.
type Auth struct {
	Username string `json:"username" yaml:"username"`
	Password string `json:"password" yaml:"password"`
	// Token is a JSON Web Token that was issued elsewhere. The connection sends it as it is, and cannot renew it.
	Token string `json:"token" yaml:"token"`
}

func (a *Auth) options(f *faults, name func(string) string) []conn.Option {
	switch {
	case a == nil || *a == Auth{}:
		return nil
	case a.Token != "" && (a.Username != "" || a.Password != ""):
		f.add(name("token"), "excludes a user and a password")
	case a.Token != "":
		return nil // as a dial option
	case a.Username == "":
		f.add(name("username"), "is missing, and a password is there")
	case a.Password == "":
		f.add(name("password"), "is missing, and a user is there")
	}
	return []conn.Option{conn.WithCredentials(a.Username, a.Password)}
}

// bearer sends a token that the SDK has not got from the servers itself.
type bearer struct{ token string }

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"token": b.token}, nil
}

func (bearer) RequireTransportSecurity() bool { return false } // as with WithCredentials, the user decides

// hidden replaces a secret.
const hidden = "***"

// String returns the user, and whether there are secrets.
func (a Auth) String() string { return fmt.Sprintf("%+v", a) }

// Format writes the user, and whether there are secrets, for package fmt and every verb.
func (a Auth) Format(f fmt.State, verb rune) {
	type auth Auth // without methods
	for _, secret := range []*string{&a.Password, &a.Token} {
		if *secret != "" {
			*secret = hidden
		}
	}
	fmt.Fprintf(f, fmt.FormatString(f, verb), auth(a))
}

// LogValue is what package log/slog logs: the user, and whether there are secrets.
func (a Auth) LogValue() slog.Value { return slog.StringValue(a.String()) }
