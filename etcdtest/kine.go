// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// KineVersion is the kine version that [StartKine] runs.
const KineVersion = "v0.17.5"

//go:embed kinemain.go.txt
var kineMain string

// KineBinary returns the path of the kine server that [StartKine] would run, and builds it if it is missing, as
// [Binary] does for etcd. It is safe for concurrent use.
func KineBinary(parent context.Context) (string, error) {
	path, err := findKine(parent)
	if err != nil {
		return "", fmt.Errorf("etcdtest: %w", err)
	}
	return path, nil
}

func findKine(parent context.Context) (string, error) {
	path, err := builtBinary(parent, recipe{
		name: "kine", version: KineVersion, module: "github.com/k3s-io/kine@" + KineVersion, main: kineMain,
	})
	if err != nil {
		return "", fmt.Errorf("no kine %s to run: %w\nThe go command on PATH builds it from a Go module proxy that it can "+
			"reach (GOPROXY)", KineVersion, err)
	}
	return path, nil
}

// Kine is a kine server, which speaks a part of etcd's protocol and stores in SQLite. Its methods are safe for
// concurrent use. Those that start, end or pause the process take turns. An error in one of them marks the test as
// failed without ending it.
type Kine struct {
	server
	network

	dir      string
	ports    portSet
	listen   port
	endpoint string

	life context.Context // ends with the test
	end  context.CancelFunc
}

// StartKine starts a kine server and returns when it serves. It first builds the server if it is missing in the user's
// cache directory, with the go command and no C compiler. If that fails it ends the test with Fatalf, so call it from
// the test's own goroutine. The server ends with the test.
func StartKine(tb testing.TB) *Kine {
	tb.Helper()
	k := &Kine{}
	k.life, k.end = context.WithCancel(context.Background())
	var telling sync.Mutex
	over := false
	fail := func(err error) {
		telling.Lock()
		defer telling.Unlock()
		if !over {
			tb.Errorf("etcdtest: %v", err)
		}
	}
	tb.Cleanup(func() {
		if log := k.Log(); tb.Failed() && log != "" {
			tb.Logf("etcdtest: end of the log of kine:\n%s", tail(log, 25))
		}
		telling.Lock()
		over = true
		telling.Unlock()
		if err := k.close(); err != nil {
			tb.Errorf("etcdtest: %v", err)
		}
	})
	if err := k.boot(tb.Context(), fail); err != nil {
		tb.Fatalf("etcdtest: %v", err)
	}
	return k
}

func (k *Kine) boot(parent context.Context, fail func(error)) error {
	binary, err := findKine(parent)
	if err != nil {
		return err
	}
	if k.dir, err = os.MkdirTemp("", "etcdtest-kine-"); err != nil {
		return err
	}
	if k.listen, err = k.ports.reserve(); err != nil {
		return err
	}
	front, err := k.ports.reserve()
	if err != nil {
		return err
	}
	k.endpoint = front.addr()
	k.server = server{
		name: "kine", logPath: filepath.Join(k.dir, "kine.log"), fail: fail,
		command: func() command {
			store := "sqlite://" + filepath.Join(k.dir, "state.db") +
				"?_journal_mode=WAL&_busy_timeout=30000&_synchronous=OFF&_txlock=immediate"
			return command{binary, []string{"--listen-address=" + k.listen.addr(), "--endpoint=" + store}, memberEnv()}
		},
	}
	k.network.blame = k.server.failed
	if k.network.proxy, err = newProxy(front, k.listen.addr()); err != nil {
		return err
	}
	return k.start()
}

// Endpoint returns the address for clients: "127.0.0.1:port".
func (k *Kine) Endpoint() string { return k.endpoint }

// Restart stops the server if it runs, and starts it again on its data and its port. It returns when the server serves.
// After 30 s it gives up, which fails the test.
func (k *Kine) Restart() { k.failed("Restart", k.start()) }

func (k *Kine) start() error {
	k.turn.Lock()
	defer k.turn.Unlock()
	if err := k.relaunch(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(k.life, restartTimeout, fmt.Errorf("not ready within %v", restartTimeout))
	defer cancel()
	// It listens once it can serve.
	return k.await(ctx, func(ctx context.Context) bool {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp4", k.listen.addr())
		return err == nil && conn.Close() == nil
	})
}

func (k *Kine) close() error {
	k.end()
	err := errors.Join(k.server.close(), k.network.close())
	if k.dir != "" {
		err = errors.Join(err, os.RemoveAll(k.dir))
	}
	k.ports.release()
	return err
}
