// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certificates is the authority of one cluster, with one certificate for all its servers and one for its clients.
// Neither has a common name, because etcd would take a client's for the name of a user.
type certificates struct {
	roots          *x509.CertPool
	server, client tls.Certificate

	caFile, serverFile, serverKeyFile, clientFile, clientKeyFile string
}

func newCertificates(dir string) (*certificates, error) {
	ca, caKey, err := newAuthority()
	if err != nil {
		return nil, fmt.Errorf("make a certificate authority: %w", err)
	}
	c := &certificates{
		roots:         x509.NewCertPool(),
		caFile:        filepath.Join(dir, "ca.pem"),
		serverFile:    filepath.Join(dir, "server.pem"),
		serverKeyFile: filepath.Join(dir, "server-key.pem"),
		clientFile:    filepath.Join(dir, "client.pem"),
		clientKeyFile: filepath.Join(dir, "client-key.pem"),
	}
	c.roots.AddCert(ca)
	// The server's certificate serves as a client's too, because etcd calls itself for its JSON gateway.
	err = errors.Join(
		writePEM(c.caFile, "CERTIFICATE", ca.Raw),
		issue(ca, caKey, c.serverFile, c.serverKeyFile, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth),
		issue(ca, caKey, c.clientFile, c.clientKeyFile, x509.ExtKeyUsageClientAuth),
	)
	if err != nil {
		return nil, fmt.Errorf("make certificates: %w", err)
	}
	if c.server, err = tls.LoadX509KeyPair(c.serverFile, c.serverKeyFile); err != nil {
		return nil, err
	}
	c.client, err = tls.LoadX509KeyPair(c.clientFile, c.clientKeyFile)
	return c, err
}

func (c *certificates) serverFlags() []string {
	return []string{
		"--cert-file=" + c.serverFile,
		"--key-file=" + c.serverKeyFile,
		"--trusted-ca-file=" + c.caFile,
		"--client-cert-auth",
	}
}

// proxyFlags makes a gRPC proxy serve as a member does, and connect as a client does.
func (c *certificates) proxyFlags() []string {
	return []string{
		"--cert-file=" + c.serverFile,
		"--key-file=" + c.serverKeyFile,
		"--trusted-ca-file=" + c.caFile,
		"--cacert=" + c.caFile,
		"--cert=" + c.clientFile,
		"--key=" + c.clientKeyFile,
	}
}

// serverConfig makes a server ask for a client's certificate, as members do.
func (c *certificates) serverConfig() *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{c.server},
		ClientCAs:    c.roots,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		NextProtos:   []string{"h2"},
	}
}

func (c *certificates) clientConfig() *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		RootCAs:      c.roots.Clone(),
		Certificates: []tls.Certificate{c.client},
	}
}

// scheme returns the prefix of a client port's address: https:// with TLS, otherwise plain.
func (c *Cluster) scheme(plain string) string {
	if c.certs != nil {
		return "https://"
	}
	return plain
}

func newAuthority() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	t, err := template()
	if err != nil {
		return nil, nil, err
	}
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	ca, err := x509.ParseCertificate(der)
	return ca, key, err
}

func issue(ca *x509.Certificate, caKey *ecdsa.PrivateKey, certFile, keyFile string, usage ...x509.ExtKeyUsage) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	t, err := template()
	if err != nil {
		return err
	}
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, usage
	t.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	t.DNSNames = []string{"localhost"}
	der, err := x509.CreateCertificate(rand.Reader, t, ca, key.Public(), caKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(writePEM(certFile, "CERTIFICATE", der), writePEM(keyFile, "PRIVATE KEY", keyDER))
}

func template() (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"etcdtest"}},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
	}, nil
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
