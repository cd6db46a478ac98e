// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// The endpoints share a gRPC client. Its balancer must neither mix up their lines nor forget a call or a line. The bubble fails if a
// goroutine of a line is left.
func TestCallsGoToTheirOwnEndpointWhileLinesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		members := []*member{newMember(t, "a"), newMember(t, "b"), newMember(t, "d"), newMember(t, "e", retiring(30*time.Millisecond))}
		c := openFake(t, members)
		parent, stop := context.WithCancel(t.Context())
		var working sync.WaitGroup
		repeat := func(f func(i int)) {
			working.Go(func() {
				for i := 0; parent.Err() == nil; i++ {
					f(i)
					time.Sleep(time.Millisecond)
				}
			})
		}
		for _, m := range members {
			pinned := func(f func(context.Context, grpc.CallOption) (*pb.ResponseHeader, error)) {
				repeat(func(int) {
					limited, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					header, err := f(limited, conn.OnEndpoint(m.Name+":1"))
					if err == nil && header.GetMemberId() != id(m.Name) {
						t.Errorf("a call for %s went to the member %c", m.Name, rune(header.GetMemberId()))
					}
					if limited.Err() != nil {
						t.Errorf("a call to %s waited for a minute: %v", m.Name, err)
					}
				})
			}
			pinned(func(limited context.Context, to grpc.CallOption) (*pb.ResponseHeader, error) {
				r, err := pb.NewKVClient(c).Range(limited, &pb.RangeRequest{Key: []byte("k")}, to)
				return r.GetHeader(), err
			})
			pinned(func(limited context.Context, to grpc.CallOption) (*pb.ResponseHeader, error) {
				r, err := pb.NewKVClient(c).Put(limited, &pb.PutRequest{Key: []byte("k")}, to, grpc.WaitForReady(true))
				return r.GetHeader(), err
			})
		}
		repeat(func(i int) {
			m := members[i%2] // one of two
			m.Drop()
			if i%100 == 0 {
				m.Refuse()
				time.Sleep(20 * time.Millisecond)
				m.Restore()
			}
		})
		repeat(func(i int) { // d comes and goes; without it, it is outside
			if err := c.SetEndpoints(t.Context(), endpoints(members[:2+i%3]...)); err != nil && !errors.Is(err, conn.ErrUnavailable) {
				t.Errorf("SetEndpoints: %v", err)
			}
		})
		time.Sleep(250 * time.Millisecond)
		for members[0].Dials.Load() < 10 && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		stop()
		working.Wait()
	})
}

// certificate returns a certificate for a name, signed by a parent or by itself.
func certificate(t *testing.T, name string, parent *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	it := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	by := &tls.Certificate{Leaf: it, PrivateKey: key}
	if parent != nil {
		by = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, it, by.Leaf, key.Public(), by.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestEachEndpointProvesItsOwnName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := certificate(t, "ca", nil)
		var mu sync.Mutex
		asked := map[string]string{}
		serving := func(name, proves string) *member {
			secure := credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{*certificate(t, proves, ca)}, NextProtos: []string{"h2"}})
			return newMember(t, name, grpc.Creds(secure), grpc.UnaryInterceptor(
				func(parent context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
					mu.Lock()
					defer mu.Unlock()
					asked[name] = strings.Join(metadata.ValueFromIncomingContext(parent, ":authority"), " ")
					return handle(parent, req)
				}))
		}
		a, b, d := serving("a", "a"), serving("b", "b"), serving("d", "a")
		roots := x509.NewCertPool()
		roots.AddCert(ca.Leaf)
		c := openFake(t, []*member{a, b, d}, conn.WithTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}))
		synctest.Wait()
		if got := states(c); got["a:1"] != conn.Active || got["b:1"] != conn.Active || got["d:1"] == conn.Active {
			t.Errorf("got %+v", c.Info())
		}
		for _, e := range c.Info() {
			if e.Address == "d:1" && (e.Err == nil || !strings.Contains(e.Err.Error(), "certificate is valid for a, not d")) {
				t.Errorf("the endpoint with the certificate of another: %v", e.Err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if asked["a"] != "a:1" || asked["b"] != "b:1" || asked["d"] != "" {
			t.Errorf("the servers were asked for %q", asked)
		}
	})
}
