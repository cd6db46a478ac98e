// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
)

// authority is a certificate authority, with one certificate for localhost and for a client.
type authority struct {
	ca, cert, key []byte // PEM
	pool          *x509.CertPool
	pair          tls.Certificate
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	issue := func(parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			BasicConstraintsValid: true, IsCA: parent == nil,
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		}
		if parent == nil {
			parent, parentKey = c, key
		}
		raw, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		return made, key
	}
	ca, caKey := issue(nil, nil)
	leaf, key := issue(ca, caKey)
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{
		ca:   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}),
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}),
		pool: x509.NewCertPool(),
	}
	a.pool.AddCert(ca)
	if a.pair, err = tls.X509KeyPair(a.cert, a.key); err != nil {
		t.Fatal(err)
	}
	return a
}

// terminator ends TLS in front of a server. Its certificates can be exchanged.
type terminator struct {
	address string
	mu      sync.Mutex
	a       authority
	conns   []net.Conn
}

func newTerminator(t *testing.T, a authority, to string) *terminator {
	f := &terminator{a: a}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			return &tls.Config{
				MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{f.a.pair}, NextProtos: []string{"h2"},
				ClientCAs: f.a.pool, ClientAuth: tls.RequireAndVerifyClientCert,
			}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.address = listener.Addr().String()
	var forwards sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		f.drop()
		forwards.Wait()
	})
	forwards.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			f.mu.Lock()
			f.conns = append(f.conns, in, out)
			f.mu.Unlock()
			forwards.Go(func() { _, _ = io.Copy(out, in); out.Close() })
			forwards.Go(func() { _, _ = io.Copy(in, out); in.Close() })
		}
	})
	return f
}

func (f *terminator) set(a authority) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.a = a
}

func (f *terminator) drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.Close()
	}
	f.conns = nil
}

func TestTLSFilesAreReadAgainForEachConnection(t *testing.T) {
	first, second := newAuthority(t), newAuthority(t)
	server := newTerminator(t, first, etcdtest.Start(t).Endpoints()[0])
	dir := t.TempDir()
	ca, cert, key := filepath.Join(dir, "ca"), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	write := func(files map[string][]byte) {
		t.Helper()
		for path, content := range files {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(map[string][]byte{ca: first.ca, cert: first.cert, key: first.key})
	var log lockedBuffer
	c := open(t, "", []string{server.address}, conn.WithTLSFiles(ca, cert, key), conn.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	calls := func(when string) {
		t.Helper()
		if _, err := get(t.Context(), c); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	calls("at first")

	write(map[string][]byte{ca: second.ca[:100], cert: second.cert})
	server.drop()
	calls("with files that are half written")
	waitFor(t, func() bool { return strings.Contains(log.String(), "etcd TLS files not usable") }) // the call may precede the loss of the link
	if text := log.String(); strings.Contains(text, "PRIVATE") {
		t.Errorf("the log has\n%s", text)
	}

	server.set(second)
	write(map[string][]byte{ca: second.ca, cert: second.cert, key: second.key})
	server.drop()
	calls("with other files, on a server that takes no others")
}

func TestTLSFilesSupplyTheCertificatesOfWithTLS(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithTLS())
	files := conn.WithTLSFiles(cluster.TLSFiles())
	open(t, "", cluster.Endpoints(), conn.WithTLS(&tls.Config{ServerName: "localhost"}), files)

	_, err := conn.Open(t.Context(), "", cluster.Endpoints(), files, conn.WithTLS(&tls.Config{ServerName: "elsewhere.example"}))
	if host := new(x509.HostnameError); !errors.As(err, host) {
		t.Errorf("with another server name: %v", err)
	}
}

func TestBadTLSFilesAreRefused(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca, cert, key := file("ca", a.ca), file("cert", a.cert), file("key", a.key)
	for name, opts := range map[string][]conn.Option{
		"no such file":         {conn.WithTLSFiles(filepath.Join(dir, "none"), "", "")},
		"no certificate in ca": {conn.WithTLSFiles(key, "", "")},
		"no key":               {conn.WithTLSFiles(ca, cert, "")},
		"no certificate":       {conn.WithTLSFiles(ca, "", key)},
		"another key":          {conn.WithTLSFiles(ca, cert, file("other", other.key))},
		"two authorities":      {conn.WithTLSFiles(ca, "", ""), conn.WithTLS(&tls.Config{RootCAs: a.pool})},
		"two certificates":     {conn.WithTLSFiles(ca, cert, key), conn.WithTLS(&tls.Config{Certificates: []tls.Certificate{a.pair}})},
	} {
		if _, err := conn.Open(t.Context(), "", []string{"127.0.0.1:1"}, opts...); !errors.Is(err, conn.ErrOption) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
