// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// etcdctl is a client of one member's JSON gateway, at an address of its choice.
type gateway struct {
	http *http.Client
	base string
}

func gatewayOf(t *testing.T, c *Cluster, m *Member) gateway {
	t.Helper()
	base := m.Endpoint()
	if c.certs == nil {
		base = "http://" + base
	}
	transport := &http.Transport{TLSClientConfig: c.TLSConfig(), DisableKeepAlives: true}
	return gateway{http: &http.Client{Transport: transport}, base: base}
}

func (g gateway) call(path string, timeout time.Duration, request, response any) error {
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

func (g gateway) put(key, value string, timeout time.Duration) error {
	request := map[string]any{"key": []byte(key), "value": []byte(value)}
	return g.call("/v3/kv/put", timeout, request, &struct{}{})
}

func (g gateway) get(key string, timeout time.Duration) (string, error) {
	var response struct {
		KVs []struct{ Value string } `json:"kvs"`
	}
	if err := g.call("/v3/kv/range", timeout, map[string]any{"key": []byte(key)}, &response); err != nil {
		return "", err
	}
	if len(response.KVs) == 0 {
		return "", nil
	}
	value, err := base64.StdEncoding.DecodeString(response.KVs[0].Value)
	return string(value), err
}

func mustPut(t *testing.T, g gateway, key, value string) {
	t.Helper()
	if err := g.put(key, value, 5*time.Second); err != nil {
		t.Fatalf("put %s=%s: %v", key, value, err)
	}
}

func wantValue(t *testing.T, g gateway, key, want string) {
	t.Helper()
	got, err := g.get(key, 5*time.Second)
	if err != nil || got != want {
		t.Fatalf("get %s = %q, %v; want %q", key, got, err, want)
	}
}

func TestOneMemberStartsFast(t *testing.T) {
	if _, err := Binary(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	c := Start(t)
	took := time.Since(begin)
	t.Logf("Start took %v", took)
	if took > 10*time.Second {
		t.Errorf("Start took %v", took)
	}
	g := gatewayOf(t, c, c.Member(0))
	mustPut(t, g, "k", "v")
	wantValue(t, g, "k", "v")
	if c.Leader() != c.Member(0) || c.Member(0).ID() == 0 {
		t.Errorf("leader %v, ID %x", c.Leader(), c.Member(0).ID())
	}
}

func TestDataSurvivesKillAndRestart(t *testing.T) {
	c := Start(t, WithSize(3))
	m := c.Leader()
	id := m.ID()
	mustPut(t, gatewayOf(t, c, m), "k", "v")
	m.Kill()
	if err := gatewayOf(t, c, m).put("k", "w", time.Second); err == nil {
		t.Error("a killed member took a put")
	}
	if next := c.Leader(); next == nil || next == m {
		t.Fatalf("leader after the kill: %v", next)
	}
	m.Restart()
	wantValue(t, gatewayOf(t, c, m), "k", "v")
	if m.ID() != id {
		t.Errorf("ID %x became %x", id, m.ID())
	}
}
