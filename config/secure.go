// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/tls"

	"github.com/eetcd-go/eetcd/conn"
)

// Secure is how a connection is encrypted. As in clientv3, a Secure without any field set encrypts, and verifies servers against
// the roots of the system.
type Secure struct {
	// Cert and Key are the PEM files of the client's certificate. They go together.
	Cert string `json:"cert" yaml:"cert"`
	Key  string `json:"key" yaml:"key"`
	// Cacert is the PEM file of the authorities that verify servers. The default is the roots of the system.
	Cacert string `json:"cacert" yaml:"cacert"`
	// ServerName is what the certificates of the servers must be for. The default is the host of each endpoint.
	ServerName string `json:"server-name" yaml:"server-name"`
	// InsecureTransport leaves the connection unencrypted. As in clientv3, it has no effect if another field is set.
	InsecureTransport bool `json:"insecure-transport" yaml:"insecure-transport"`
	// InsecureSkipVerify encrypts but accepts any certificate, so the server may be anybody. Use it for experiments only.
	InsecureSkipVerify bool `json:"insecure-skip-tls-verify" yaml:"insecure-skip-tls-verify"`
}

// encrypts reports whether these settings encrypt all endpoints. They are those of a connection with TLS.
func (s *Secure) encrypts() bool { return s != nil && *s != Secure{InsecureTransport: true} }

func (s *Secure) options(f *faults, name func(string) string) (opts []conn.Option) {
	if !s.encrypts() {
		return nil
	}
	if (s.Cert == "") != (s.Key == "") {
		f.add(name("cert"), "goes together with "+name("key"))
	}
	files := s.Cert != "" || s.Key != "" || s.Cacert != ""
	if !files || s.ServerName != "" || s.InsecureSkipVerify {
		opts = append(opts, conn.WithTLS(&tls.Config{
			MinVersion: tls.VersionTLS12, ServerName: s.ServerName, InsecureSkipVerify: s.InsecureSkipVerify,
		}))
	}
	if files {
		opts = append(opts, conn.WithTLSFiles(s.Cacert, s.Cert, s.Key))
	}
	return opts
}
