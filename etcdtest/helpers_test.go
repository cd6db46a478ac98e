// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if os.Getenv(orphanVariable) != "" {
		startOrphans()
	}
	// Tests that call t.Parallel wait for members most of the time, so more of them run at once than there are CPUs.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// gateway is a client of one member, over etcd's JSON gateway.
type gateway struct {
	http *http.Client
	base string
}

// clientOf connects as users do: through the proxy and with TLS, if the cluster has them.
func clientOf(c *Cluster, m *Member) gateway {
	base := m.Endpoint()
	if c.TLSConfig() == nil {
		base = "http://" + base
	}
	transport := &http.Transport{TLSClientConfig: c.TLSConfig(), DisableKeepAlives: true}
	return gateway{http: &http.Client{Transport: transport}, base: base}
}

func (g gateway) call(timeout time.Duration, path string, request, response any) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := g.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, answer)
	}
	return json.Unmarshal(answer, response)
}

func (g gateway) put(timeout time.Duration, key, value string) error {
	request := map[string]any{"key": []byte(key), "value": []byte(value)}
	return g.call(timeout, "/v3/kv/put", request, &struct{}{})
}

func (g gateway) get(timeout time.Duration, key string) (string, error) {
	var response struct {
		KVs []struct{ Value string } `json:"kvs"`
	}
	request := map[string]any{"key": []byte(key)}
	if err := g.call(timeout, "/v3/kv/range", request, &response); err != nil || len(response.KVs) == 0 {
		return "", err
	}
	value, err := base64.StdEncoding.DecodeString(response.KVs[0].Value)
	return string(value), err
}

// mustPut retries for as long as an election may take.
func mustPut(t *testing.T, g gateway, key, value string) {
	t.Helper()
	eventually(t, 15*time.Second, fmt.Sprintf("put %s=%s", key, value), func() error {
		return g.put(2*time.Second, key, value)
	})
}

func mustGet(t *testing.T, g gateway, key, want string) {
	t.Helper()
	eventually(t, 15*time.Second, "get "+key, func() error {
		got, err := g.get(2*time.Second, key)
		if err == nil && got != want {
			t.Fatalf("get %s = %q, want %q", key, got, want)
		}
		return err
	})
}

func eventually(t *testing.T, within time.Duration, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", what, within, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// mustLeader fails if there is no leader.
func mustLeader(t *testing.T, c *Cluster) *Member {
	t.Helper()
	m := c.Leader()
	if m == nil {
		t.Fatal("no leader")
	}
	return m
}

// follower returns any member but the leader.
func follower(t *testing.T, c *Cluster) *Member {
	t.Helper()
	leader := mustLeader(t, c)
	for _, m := range c.Members() {
		if m != leader {
			return m
		}
	}
	t.Fatal("the leader is alone")
	return nil
}

// fakeTB is a test that may fail without the real one doing so.
type fakeTB struct {
	testing.TB
	errors, logs []string
	cleanups     []func()
}

func (f *fakeTB) Helper()                    {}
func (f *fakeTB) Failed() bool               { return len(f.errors) > 0 }
func (f *fakeTB) Cleanup(fn func())          { f.cleanups = append(f.cleanups, fn) }
func (f *fakeTB) Logf(s string, args ...any) { f.logs = append(f.logs, fmt.Sprintf(s, args...)) }
func (f *fakeTB) Errorf(s string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(s, args...))
}

// Fatalf ends the goroutine, as the real one does, by a panic that run recovers.
func (f *fakeTB) Fatalf(s string, args ...any) {
	f.Errorf(s, args...)
	panic(f)
}

// run calls f as a test's body and then ends the test.
func (f *fakeTB) run(body func()) {
	defer func() {
		for i := len(f.cleanups) - 1; i >= 0; i-- {
			f.cleanups[i]()
		}
	}()
	defer func() {
		if r := recover(); r != nil && r != any(f) {
			panic(r)
		}
	}()
	body()
}
