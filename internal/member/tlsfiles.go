// SPDX-License-Identifier: Apache-2.0

package member

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

// TLSFiles is a TLS configuration that follows its files.
type TLSFiles struct {
	Paths [3]string // of the authorities, the certificate and its key; "" if there is none

	base   *tls.Config // has all but what the files have; nil: the default
	mu     sync.Mutex
	read   [3][]byte // as last seen, good or not
	config *tls.Config
}

// Open reads the files for the first time, and returns the configuration: base with their certificates. Call it first.
func (f *TLSFiles) Open(base *tls.Config) (*tls.Config, error) {
	if (f.Paths[1] == "") != (f.Paths[2] == "") {
		return nil, errors.New("a certificate and its key go together")
	}
	if base != nil && f.Paths[0] != "" && base.RootCAs != nil {
		return nil, errors.New("WithTLS has authorities too")
	}
	if base != nil && f.Paths[1] != "" && (len(base.Certificates) > 0 || base.GetClientCertificate != nil) {
		return nil, errors.New("WithTLS has a client certificate too")
	}
	f.base = base
	var err error
	if f.read, err = f.load(); err != nil {
		return nil, err
	}
	f.config, err = f.parse(f.read)
	return f.config, err
}

// current returns the configuration of the files as they are now. If they are unusable, it returns the last good one.
func (f *TLSFiles) current(log *slog.Logger) *tls.Config {
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
		log.Warn("etcd TLS files not usable: the last good ones stay in use", slog.Any("reason", err))
		return f.config
	}
	f.config = config
	log.Info("etcd TLS files read again")
	return config
}

func (f *TLSFiles) load() (read [3][]byte, err error) {
	for i, path := range f.Paths {
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

func (f *TLSFiles) parse(read [3][]byte) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.base != nil {
		config = f.base.Clone()
	}
	if f.Paths[0] != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(read[0]) {
			return nil, fmt.Errorf("%s holds no certificate", f.Paths[0])
		}
	}
	if f.Paths[1] != "" {
		pair, err := tls.X509KeyPair(read[1], read[2])
		if err != nil {
			return nil, fmt.Errorf("%s with %s: %w", f.Paths[1], f.Paths[2], err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
