// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
)

func TestTLSConnectsWithValidCertificatesOnly(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithTLS())
	plain := etcdtest.Start(t)
	endpoint := cluster.Endpoints()[0]
	bare := strings.TrimPrefix(endpoint, "https://")

	works := []struct {
		name     string
		endpoint string
	}{{"an https endpoint", endpoint}, {"an endpoint without a scheme", bare}}
	for _, tc := range works {
		t.Run(tc.name+" with CA and client certificate", func(t *testing.T) {
			c := open(t, "", []string{tc.endpoint}, conn.WithTLS(cluster.TLSConfig()))
			if _, err := put(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}

	wrongCA := cluster.TLSConfig()
	wrongCA.RootCAs = x509.NewCertPool()
	noCert := cluster.TLSConfig()
	noCert.Certificates = nil
	wrongName := cluster.TLSConfig()
	wrongName.ServerName = "elsewhere.example"
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	fails := []struct {
		name     string
		endpoint string
		tls      *tls.Config
		as       any
		text     string
	}{
		{"wrong CA", endpoint, wrongCA, &unknown, "TLS handshake"},
		{"system roots", endpoint, nil, &unknown, "TLS handshake"},
		{"wrong server name", endpoint, wrongName, &host, "elsewhere.example"},
		{"no client certificate", endpoint, noCert, nil, "certificate"},
		{"https against a plaintext server", "https://" + plain.Endpoints()[0], nil, nil, "TLS handshake"},
		{"plaintext against a TLS server", bare, nil, nil, bare},
	}
	for _, tc := range fails {
		t.Run(tc.name, func(t *testing.T) {
			opts := []conn.Option{conn.WithConnectTimeout(8 * time.Second)} // the first use of the system roots reads them
			if tc.tls != nil {
				opts = append(opts, conn.WithTLS(tc.tls))
			}
			start := time.Now()
			_, err := conn.Open(t.Context(), "tls", []string{tc.endpoint}, opts...)
			if !errors.Is(err, conn.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), tc.text) {
				t.Errorf("got %v, want %q in it", err, tc.text)
			}
			if tc.as != nil && !errors.As(err, tc.as) {
				t.Errorf("%v is no %T", err, tc.as)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("Open took %v", took)
			}
		})
	}
}
