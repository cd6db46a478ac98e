// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// broken compresses nothing that is longer than a few bytes.
type broken struct{}

func init() { encoding.RegisterCompressor(broken{}) }

func (broken) Name() string { return "broken" }

func (broken) Compress(w io.Writer) (io.WriteCloser, error) { return brokenWriter{w}, nil }

func (broken) Decompress(r io.Reader) (io.Reader, error) { return r, nil }

type brokenWriter struct{ io.Writer }

func (brokenWriter) Close() error { return nil }

func (w brokenWriter) Write(b []byte) (int, error) {
	if len(b) > 100 {
		return 0, errors.New("out of memory")
	}
	return w.Writer.Write(b)
}

func TestRequestThatCannotBeCompressedIsNotSent(t *testing.T) {
	m := newMember(t, "a")
	for where, set := range map[string]struct {
		calls []grpc.CallOption
		opts  []conn.Option
	}{
		"for the call":       {[]grpc.CallOption{grpc.UseCompressor("broken")}, nil},
		"for the connection": {nil, []conn.Option{conn.WithDialOptions(grpc.WithDefaultCallOptions(grpc.UseCompressor("broken")))}},
	} {
		c := openFake(t, []*member{m}, set.opts...)
		seen := m.calls.Load()
		kv := pb.NewKVClient(c)
		_, err := kv.Put(t.Context(), &pb.PutRequest{Key: []byte("k"), Value: make([]byte, 1000)}, set.calls...)
		if etcderr.OutcomeOf(err) != etcderr.NotSent || status.Code(err) != codes.Internal || m.calls.Load() != seen {
			t.Errorf("%s: %d calls: %v", where, m.calls.Load()-seen, err)
		}
		// The server uses the same text in an answer.
		m.answerKV(func(context.Context) error {
			return status.Error(codes.Internal, "grpc: error while compressing: out of memory")
		})
		_, err = kv.Put(t.Context(), &pb.PutRequest{Key: []byte("k")}, set.calls...)
		if etcderr.OutcomeOf(err) != etcderr.Unknown {
			t.Errorf("%s: an answer that cannot be compressed: %v", where, err)
		}
		m.answerKV(nil)
	}
	c := openFake(t, []*member{m})
	_, err := pb.NewKVClient(c).Put(t.Context(), &pb.PutRequest{Key: []byte("k")}, grpc.UseCompressor("unheard of"))
	if etcderr.OutcomeOf(err) != etcderr.NotSent {
		t.Errorf("a compressor that is not there: %v", err)
	}
}

func TestClientsSizeLimitIsNotReportedAsTheServersAnswer(t *testing.T) {
	cluster := etcdtest.Start(t)
	limits := []grpc.CallOption{grpc.MaxCallRecvMsgSize(1000), grpc.MaxCallSendMsgSize(1 << 20)}
	for _, where := range []string{"of the call", "of the connection"} {
		t.Run(where, func(t *testing.T) {
			opts, calls := limits, []conn.Option(nil)
			if where == "of the connection" {
				opts, calls = nil, []conn.Option{conn.WithDialOptions(grpc.WithDefaultCallOptions(limits...))}
			}
			c := open(t, "", cluster.Endpoints(), calls...)
			kv := pb.NewKVClient(c)
			if _, err := kv.Put(t.Context(), &pb.PutRequest{Key: []byte("k"), Value: make([]byte, 2000)}, opts...); err != nil {
				t.Fatal(err)
			}

			_, err := kv.Range(t.Context(), &pb.RangeRequest{Key: []byte("k")}, opts...)
			if status.Code(err) != codes.ResourceExhausted || errors.Is(err, etcderr.ErrRequestTooLarge) || strings.Contains(err.Error(), "outcome") {
				t.Errorf("a read: %v", err)
			}
			_, err = kv.DeleteRange(t.Context(), &pb.DeleteRangeRequest{Key: []byte("k"), PrevKv: true}, opts...)
			if etcderr.OutcomeOf(err) != etcderr.Unknown || errors.Is(err, etcderr.ErrRequestTooLarge) ||
				!strings.Contains(err.Error(), "1000 bytes that this side takes") {
				t.Errorf("a delete whose answer is too large: %v", err)
			}
			if r, err := kv.Range(t.Context(), &pb.RangeRequest{Key: []byte("k")}, opts...); err != nil || len(r.Kvs) > 0 {
				t.Errorf("after that the key is %v, %v", r, err)
			}
			_, err = kv.Put(t.Context(), &pb.PutRequest{Key: []byte("k"), Value: make([]byte, 2<<20)}, opts...)
			if etcderr.OutcomeOf(err) != etcderr.NotSent || errors.Is(err, etcderr.ErrRequestTooLarge) {
				t.Errorf("a put that this side does not send: %v", err)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a put that this side never sends was tried until its deadline: %v", err)
			}
			if _, err := kv.Put(t.Context(), &pb.PutRequest{Key: []byte("k"), Value: make([]byte, 3<<20)},
				grpc.MaxCallSendMsgSize(4<<20)); !errors.Is(err, etcderr.ErrRequestTooLarge) || etcderr.OutcomeOf(err) != etcderr.Rejected {
				t.Errorf("a put that the server does not take: %v", err)
			}
		})
	}
	c := open(t, "", cluster.Endpoints())
	_, err := pb.NewAuthClient(c).UserAdd(t.Context(), &pb.AuthUserAddRequest{Name: "\xff"})
	if etcderr.OutcomeOf(err) != etcderr.NotSent || status.Code(err) != codes.Internal {
		t.Errorf("a request that cannot be encoded: %v", err)
	}
}
