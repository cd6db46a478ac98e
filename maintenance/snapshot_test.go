// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/maintenance"
)

// checkDigest checks that a snapshot ends with the SHA-256 of the rest.
func checkDigest(t *testing.T, snapshot []byte) {
	t.Helper()
	at := len(snapshot) - sha256.Size
	if at <= 0 {
		t.Fatalf("a snapshot of %d bytes", len(snapshot))
	}
	if sum := sha256.Sum256(snapshot[:at]); !bytes.Equal(snapshot[at:], sum[:]) {
		t.Errorf("the digest is %x, want %x", snapshot[at:], sum)
	}
}

func TestSnapshotYieldsTheDatabaseAndItsDigest(t *testing.T) {
	put(t, kv.New(registry), 4, 100<<10)
	for name, endpoint := range map[string]string{"any member": "", "one member": shared.Endpoints()[1]} {
		t.Run(name, func(t *testing.T) {
			c := maintenance.New(registry)
			if endpoint != "" {
				c = c.WithEndpoint(endpoint)
			}
			reader, err := maintenance.Snapshot(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			all, err := io.ReadAll(reader)
			if err != nil {
				t.Fatal(err)
			}
			if int64(len(all)) != reader.Size() || len(all) < 400<<10 {
				t.Errorf("%d bytes, announced as %d", len(all), reader.Size())
			}
			checkDigest(t, all)
			if n, err := reader.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("after the end: %d, %v", n, err)
			}
			if err := reader.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSnapshotHasTheVersionOfItsFormat(t *testing.T) {
	want := strings.Join(strings.Split(shared.Member(0).Version(), ".")[:2], ".")[1:] + ".0"
	if isOlder("v3.6") {
		want = ""
	}
	onecluster.Eventually(t, 20*time.Second, "version of the format, which a member sets after a moment", func() error {
		reader, err := maintenance.Snapshot(t.Context(), maintenance.New(registry).WithEndpoint(shared.Endpoints()[0]))
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		if reader.Version() != want {
			return errors.New(reader.Version() + ", want " + want)
		}
		return nil
	})
}

func TestSnapshotIsWholeOrAnError(t *testing.T) {
	const data = "0123456789"
	sum := sha256.Sum256([]byte(data))
	digest := string(sum[:])
	empty := sha256.Sum256(nil)
	refused := status.Error(codes.PermissionDenied, "etcdserver: permission denied")
	after := func(err error, messages ...*pb.SnapshotResponse) func(grpc.ServerStreamingServer[pb.SnapshotResponse]) error {
		return func(stream grpc.ServerStreamingServer[pb.SnapshotResponse]) error {
			_ = parts(messages...)(stream)
			return err
		}
	}
	tests := []struct {
		name string
		send func(grpc.ServerStreamingServer[pb.SnapshotResponse]) error
		want error // nil for a whole snapshot
		text string
	}{
		{"as etcd sends it", parts(part(4, "012345"), part(0, "6789"), part(0, digest)), nil, ""},
		{"in one message", parts(part(0, data), part(0, digest)), nil, ""},
		{"byte by byte", parts(part(9, "0"), part(8, "1"), part(7, "2"), part(0, "3456789"), part(0, digest[:1]), part(0, digest[1:])), nil, ""},
		{"with messages of nothing", parts(part(10, ""), part(4, "012345"), part(4, ""), part(0, "6789"), part(0, digest), part(0, "")), nil, ""},
		{"data and digest in one message", parts(part(4, "012345"), part(0, "6789"+digest)), nil, ""},
		{"a wrong digest", parts(part(4, "012345"), part(0, "6789"), part(0, string(empty[:]))), maintenance.ErrSnapshot, "does not match its SHA-256"},
		{"wrong data", parts(part(4, "012345"), part(0, "678X"), part(0, digest)), maintenance.ErrSnapshot, "does not match its SHA-256"},
		{"no digest", parts(part(4, "012345"), part(0, "6789")), maintenance.ErrSnapshot, "10 of 42 bytes"},
		{"half of the digest", parts(part(0, data), part(0, digest[:16])), maintenance.ErrSnapshot, "26 of 42 bytes"},
		{"half of the data", parts(part(4, "012345")), maintenance.ErrSnapshot, "6 of 42 bytes"},
		{"more than announced", parts(part(4, "012345"), part(0, "6789"), part(0, digest), part(0, "X")), maintenance.ErrSnapshot, "more than the 10 bytes"},
		{"nothing", parts(), maintenance.ErrSnapshot, "empty"},
		{"an impossible size", parts(part(math.MaxUint64, "0")), maintenance.ErrSnapshot, "18446744073709551615 bytes are announced"},
		{"a refusal", after(refused), etcderr.ErrPermissionDenied, ""},
		{"an error in the middle", after(status.Error(codes.Unavailable, "etcdserver: server stopped"), part(4, "012345")), etcderr.ErrStopped, ""},
		{"an error at the end", after(refused, part(0, data), part(0, digest)), etcderr.ErrPermissionDenied, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := openFake(t, tt.send)
			for how, slow := range map[string]func(io.Reader) io.Reader{
				"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader,
			} {
				reader, err := maintenance.Snapshot(t.Context(), c)
				var all []byte
				if err == nil {
					defer reader.Close()
					if n, err := reader.Read(nil); n != 0 || err != nil && !errors.Is(err, io.EOF) {
						t.Errorf("read of nothing: %d, %v", n, err)
					}
					all, err = io.ReadAll(slow(reader))
					if n, again := reader.Read(make([]byte, 1)); n != 0 || again == nil || err != nil && again != err {
						t.Errorf("after %v: %d, %v", err, n, again)
					}
				}
				if tt.want == nil {
					if err != nil || string(all) != data+digest || reader.Size() != 42 || reader.Version() != "3.9.0" {
						t.Errorf("read %s: %q, %v", how, all, err)
					}
				} else if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("read %s: %v, want %v: %s", how, err, tt.want, tt.text)
				}
			}
		})
	}
}

// stalled sends the beginning of a snapshot and then waits for the end of the stream.
func stalled(messages ...*pb.SnapshotResponse) func(grpc.ServerStreamingServer[pb.SnapshotResponse]) error {
	return func(stream grpc.ServerStreamingServer[pb.SnapshotResponse]) error {
		if err := parts(messages...)(stream); err != nil {
			return err
		}
		<-stream.Context().Done()
		return stream.Context().Err()
	}
}

func TestBlockedReadEndsWithCloseOrItsContext(t *testing.T) {
	c := openFake(t, stalled(part(10, "01")))
	for name, end := range map[string]func(cancel context.CancelFunc, reader *maintenance.SnapshotReader){
		"Close":  func(_ context.CancelFunc, reader *maintenance.SnapshotReader) { reader.Close() },
		"parent": func(cancel context.CancelFunc, _ *maintenance.SnapshotReader) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			parent, cancel := context.WithCancel(t.Context())
			defer cancel()
			reader, err := maintenance.Snapshot(parent, c)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			read := make(chan error, 1)
			go func() {
				all, err := io.ReadAll(reader)
				if string(all) != "01" {
					err = errors.New("read " + string(all))
				}
				read <- err
			}()
			select {
			case err := <-read:
				t.Fatalf("Read did not wait: %v", err)
			case <-time.After(50 * time.Millisecond):
			}
			end(cancel, reader)
			select {
			case err := <-read:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("Read: %v", err)
				}
			case <-time.After(timeout):
				t.Fatal("Read waits still")
			}
			for range 2 {
				if err := reader.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestTimeoutBoundsOnlyTheStartOfASnapshot(t *testing.T) {
	silent := openFake(t, stalled())
	began := time.Now()
	err := snapshot(t.Context(), silent.WithTimeout(100*time.Millisecond))
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > timeout/2 {
		t.Errorf("a server that does not begin: %v after %v", err, took)
	}
	parent, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := snapshot(parent, silent); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that does not begin: %v", err)
	}

	sum := sha256.Sum256([]byte("01"))
	slow := openFake(t, func(stream grpc.ServerStreamingServer[pb.SnapshotResponse]) error {
		if err := stream.Send(part(1, "0")); err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond)
		return parts(part(0, "1"), part(0, string(sum[:])))(stream)
	})
	reader, err := maintenance.Snapshot(t.Context(), slow.WithTimeout(200*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if all, err := io.ReadAll(reader); err != nil || len(all) != 34 {
		t.Errorf("a server that goes on slowly: %q, %v", all, err)
	}
}

// large starts a cluster behind a proxy, with more data than a connection buffers.
func large(t *testing.T) *etcdtest.Cluster {
	t.Helper()
	cluster := etcdtest.Start(t, etcdtest.WithProxy())
	put(t, open(t, cluster.Endpoints()...), 24, 1<<20)
	return cluster
}

func TestSnapshotOfAMemberThatIsCutOffIsAnError(t *testing.T) {
	cluster := large(t)
	m := cluster.Member(0)
	reader, err := maintenance.Snapshot(t.Context(), open(t, m.Endpoint()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := io.CopyN(io.Discard, reader, 1<<20); err != nil {
		t.Fatal(err)
	}
	m.Cut()
	n, err := io.Copy(io.Discard, reader)
	var e *etcderr.Error
	if !errors.As(err, &e) || e.Endpoint() != m.Endpoint() {
		t.Errorf("after %d of %d bytes: %v", n+1<<20, reader.Size(), err)
	}
}

func TestSnapshotSurvivesTheLossOfTheToken(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithFlags("--auth-token-ttl=1"))
	admin := auth.New(sealed.Ctx(open(t, cluster.Endpoints()...)).Conn())
	for _, step := range []func() error{
		func() error { _, err := auth.UserAdd(t.Context(), admin, "root", "secret"); return err },
		func() error { _, err := auth.UserGrantRole(t.Context(), admin, "root", "root"); return err },
		func() error { _, err := auth.Enable(t.Context(), admin); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	c, err := conn.Open(t.Context(), "", cluster.Endpoints(), conn.WithCredentials("root", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	time.Sleep(3 * time.Second) // for the server to forget the token
	r, err := maintenance.Snapshot(t.Context(), maintenance.New(c.Name()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); err != nil || n != r.Size() {
		t.Errorf("read %d of %d bytes: %v", n, r.Size(), err)
	}
}
