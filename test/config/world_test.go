// SPDX-License-Identifier: Apache-2.0

// Package config compares what package config makes of a configuration with what etcd's own programs make of it.
package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
)

// How long a client may take that connects, and one that does not.
const (
	long  = 90 * time.Second
	short = 2 * time.Second
)

// Every secret of these tests begins with it.
const secret = "s3cret"

const password = secret + "-of-root"

type vars = map[string]string

// setenv sets etcdctl's variables to these, and no others.
func setenv(t *testing.T, variables vars) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "ETCDCTL_") {
			t.Setenv(name, "")
		}
	}
	for name, value := range variables {
		t.Setenv("ETCDCTL_"+name, value)
	}
}

// connect opens a connection and reads a key. It returns all text that a user sees of that.
func connect(t *testing.T, within time.Duration, endpoints []string, opts []conn.Option) (shown string, err error) {
	t.Helper()
	parent, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	var out bytes.Buffer
	defer func() { shown = fmt.Sprintln(out.String(), err) }()
	opts = append(opts, conn.WithLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	if within == long {
		opts = append(opts, conn.WithConnectTimeout(long/3)) // the machine may be busy
	}
	c, err := conn.Open(parent, "", endpoints, opts...)
	if err != nil {
		return "", err
	}
	_, err = kv.Get(parent, kv.New(c.Name()).WithKey("k").WithTimeout(within))
	return "", errors.Join(err, conn.WriteInfo(&out), c.Close())
}

// withUsers starts a cluster with a user root, and returns a token of that user.
func withUsers(t *testing.T) (cluster *etcdtest.Cluster, token string) {
	t.Helper()
	cluster = etcdtest.Start(t, etcdtest.WithFlags("--bcrypt-cost=4"), onecluster.JWT(t, time.Hour))
	c, err := conn.Open(t.Context(), "", cluster.Endpoints(), conn.WithConnectTimeout(long/3), conn.WithDefaultTimeout(long))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	users := auth.New(c.Name())
	_, added := auth.UserAdd(t.Context(), users, "root", password)
	_, granted := auth.UserGrantRole(t.Context(), users, "root", "root")
	_, enabled := auth.Enable(t.Context(), users)
	answer, err := pb.NewAuthClient(c).Authenticate(t.Context(), &pb.AuthenticateRequest{Name: "root", Password: password})
	if err := errors.Join(added, granted, enabled, err); err != nil {
		t.Fatal(err)
	}
	return cluster, answer.GetToken()
}
