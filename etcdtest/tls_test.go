// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"testing"
	"time"
)

func TestTLSClusterAnswersItsOwnClientsOnly(t *testing.T) {
	c := Start(t, WithTLS())
	m := c.Member(0)
	ca, cert, key := c.TLSFiles()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	fromFiles := &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{pair}}
	fromFiles.RootCAs.AppendCertsFromPEM(pem)
	noCertificate := c.TLSConfig()
	noCertificate.Certificates = nil
	otherRoot := c.TLSConfig()
	otherRoot.RootCAs = x509.NewCertPool()

	for _, tc := range []struct {
		name   string
		config *tls.Config
		ok     bool
	}{
		{"its own", c.TLSConfig(), true},
		{"the same from files", fromFiles, true},
		{"no client certificate", noCertificate, false},
		{"another root", otherRoot, false},
	} {
		transport := &http.Transport{TLSClientConfig: tc.config, DisableKeepAlives: true}
		g := gateway{http: &http.Client{Transport: transport}, base: m.Endpoint()}
		if err := g.put(5*time.Second, "k", "v"); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	m.Kill()
	m.Restart()
	mustGet(t, clientOf(c, m), "k", "v")
}

func TestPlaintextClusterHasNoTLS(t *testing.T) {
	c := Start(t)
	if ca, cert, key := c.TLSFiles(); c.TLSConfig() != nil || ca+cert+key != "" {
		t.Errorf("TLSConfig %v, files %q %q %q", c.TLSConfig(), ca, cert, key)
	}
}
