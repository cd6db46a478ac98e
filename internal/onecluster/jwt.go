// SPDX-License-Identifier: Apache-2.0

package onecluster

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
)

// JWT makes the members issue JSON Web Tokens that live for ttl.
func JWT(t testing.TB, ttl time.Duration) etcdtest.Option {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return etcdtest.WithFlags(fmt.Sprintf("--auth-token=jwt,pub-key=%s,priv-key=%s,sign-method=RS256,ttl=%v",
		write("public", "PUBLIC KEY", public), write("private", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), ttl))
}
