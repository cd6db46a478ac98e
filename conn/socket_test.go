// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
)

func TestUnixSocketIsAnEndpoint(t *testing.T) {
	plain, secure := etcdtest.Start(t), etcdtest.Start(t, etcdtest.WithTLS())
	for scheme, tt := range map[string]struct {
		to   *etcdtest.Cluster
		opts []conn.Option
	}{
		"unix":  {plain, nil},
		"unixs": {secure, []conn.Option{conn.WithTLS(secure.TLSConfig())}},
	} {
		t.Run(scheme, func(t *testing.T) {
			c := open(t, "", []string{scheme + "://" + socketTo(t, tt.to)}, tt.opts...)
			if _, err := put(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
}

// socketTo leads from a unix socket to a member of a cluster until the test ends.
func socketTo(t *testing.T, cluster *etcdtest.Cluster) (path string) {
	dir, err := os.MkdirTemp("", "eetcd") // t.TempDir may be longer than a socket's path can be
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var forwards sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		forwards.Wait()
		os.RemoveAll(dir)
	})
	forwards.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", strings.TrimPrefix(cluster.Endpoints()[0], "https://"))
			if err != nil {
				in.Close()
				continue
			}
			forwards.Go(func() { _, _ = io.Copy(out, in); out.Close() })
			forwards.Go(func() { _, _ = io.Copy(in, out); in.Close() })
		}
	})
	return path
}

func TestServerNameOfTheUserHoldsForAUnixSocketToo(t *testing.T) {
	config := &tls.Config{ServerName: "etcd.example", MinVersion: tls.VersionTLS12}
	_, err := conn.Open(t.Context(), "", []string{"unixs://" + filepath.Join(t.TempDir(), "etcd")}, conn.WithTLS(config))
	if !errors.Is(err, syscall.ENOENT) {
		t.Errorf("nobody listens: %v", err)
	}
}
