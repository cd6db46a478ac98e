// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
)

// WithTLSFiles encrypts the connection as WithTLS does, with what PEM files hold: the authorities that servers are verified
// against, and a client certificate with its key. "" stands for what is not there: without ca the system's roots serve,
// without cert and key no client certificate is shown. Each connection that is made reads the files again, so that renewed
// ones come into use without a restart; connections that stand stay. Where they cannot be used, as while they are being
// written, that is logged and the last good ones serve on.
//
// Files that cannot be used at [Open], one of cert and key without the other, and [WithTLS] beside it are ErrOption.
func WithTLSFiles(ca, cert, key string) Option {
	return func(o *options) { o.files = &tlsFiles{paths: [3]string{ca, cert, key}} }
}

// tlsFiles is a TLS configuration that follows its files.
type tlsFiles struct {
	paths [3]string // of the authorities, the certificate and its key

	mu     sync.Mutex
	read   [3][]byte // as last seen, good or not
	config *tls.Config
}

// open reads the files for the first time.
func (f *tlsFiles) open() error {
	if (f.paths[1] == "") != (f.paths[2] == "") {
		return errors.New("a certificate and its key go together")
	}
	var err error
	if f.read, err = f.load(); err != nil {
		return err
	}
	f.config, err = f.parse(f.read)
	return err
}

// current is the configuration of the files as they are now, or as they were last when they could be used.
func (f *tlsFiles) current(log *slog.Logger) *tls.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	read, err := f.load()
	if err == nil && same(read, f.read) {
		return f.config
	}
	var config *tls.Config
	if err == nil {
		f.read = read
		config, err = f.parse(read)
	}
	if err != nil {
		log.Warn("etcd TLS files not usable: the last good ones serve on", slog.Any("reason", err))
		return f.config
	}
	f.config = config
	log.Info("etcd TLS files read again")
	return config
}

func (f *tlsFiles) load() (read [3][]byte, err error) {
	for i, path := range f.paths {
		if path == "" {
			continue
		}
		if read[i], err = os.ReadFile(path); err != nil {
			return read, err
		}
	}
	return read, nil
}

func same(a, b [3][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (f *tlsFiles) parse(read [3][]byte) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.paths[0] != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(read[0]) {
			return nil, fmt.Errorf("%s holds no certificate", f.paths[0])
		}
	}
	if f.paths[1] != "" {
		pair, err := tls.X509KeyPair(read[1], read[2])
		if err != nil {
			return nil, fmt.Errorf("%s with %s: %w", f.paths[1], f.paths[2], err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
