// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

func TestWriteInfoShowsBothTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c, err := conn.Open(t.Context(), "registry", endpoints(a, b), network(a, b))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		b.Stop()
		synctest.Wait()
		var out bytes.Buffer
		if err := conn.WriteInfo(&out); err != nil {
			t.Fatal(err)
		}
		in := c.Info()[1].ReconnectIn.Round(time.Millisecond).String()
		reason := "connection lost: dial b:1: connection refused"
		want := strings.Join([]string{
			"Name     | Status | Endpoint | Leases",
			"---------+--------+----------+-------",
			"registry | Active | a:1      | 0",
			"",
			"Name     | Status | Endpoint | Reconnect in | Reason",
			"---------+--------+----------+--------------+-" + strings.Repeat("-", len(reason)),
			"registry | Frozen | b:1      | " + in + strings.Repeat(" ", len("Reconnect in")-len(in)) + " | " + reason,
			"",
		}, "\n")
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", out.String(), want)
		}
		if err := conn.WriteInfo(failing{}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the writer's error became %v", err)
		}
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestInfoIsSortedByNameThenAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		for _, name := range []string{"zoo", "ant"} {
			c, err := conn.Open(t.Context(), name, endpoints(b, a), network(a, b))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		var got []string
		for _, e := range conn.Info() {
			got = append(got, e.Name+" "+e.Address)
		}
		if want := "ant a:1, ant b:1, zoo a:1, zoo b:1"; strings.Join(got, ", ") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}

func TestLogHasStatesAndNoValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		var out lockedBuffer
		log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c := openFake(t, []*member{a, b}, conn.WithLogger(log))
		_, _ = pb.NewKVClient(c).Put(t.Context(), &pb.PutRequest{Key: []byte("k"), Value: []byte("hush")})
		b.Stop()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		text := out.String()
		for _, part := range []string{"level=INFO msg=\"etcd endpoint active\"", "level=WARN msg=\"etcd endpoint frozen\"", "level=DEBUG", "endpoint=b:1", "connection lost"} {
			if !strings.Contains(text, part) {
				t.Errorf("the log lacks %q:\n%s", part, text)
			}
		}
		if n := strings.Count(text, "level=WARN"); n != 1 {
			t.Errorf("%d warnings of one failure:\n%s", n, text)
		}
		if strings.Contains(text, "hush") {
			t.Errorf("the log tells a value:\n%s", text)
		}
	})
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
