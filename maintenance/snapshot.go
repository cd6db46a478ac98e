// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// ErrSnapshot is in the error of a snapshot that came to its end and is not whole: its length is not the one announced,
// or it does not match its SHA-256.
var ErrSnapshot = errors.New("maintenance: broken snapshot")

// refusalsMax is how often a snapshot is asked for again where it was refused for its token.
const refusalsMax = 8

// SnapshotReader reads a snapshot: the database and the 32 bytes of its SHA-256, which is what etcd's tools restore from.
// The digest is checked at the end: only io.EOF says that all is well, and what was read before may not be used without
// it. A SnapshotReader is not safe for concurrent use, but Close is.
type SnapshotReader struct {
	stream  engine.Stream
	cancel  context.CancelFunc
	version string
	size    int64 // of the whole, digest included

	blob   []byte // received and not read
	done   int64  // received
	sum    hash.Hash
	digest []byte // received of it
	err    error  // why there is no more
}

// Snapshot begins a snapshot of the database of the member at the request's endpoint, or without WithEndpoint of any
// member. Every member has all the data, but one may lag behind the others. parent bounds the whole of it, WithTimeout
// its beginning; neither has a default. The caller closes the reader. A snapshot cannot be resumed: what breaks it is
// returned by Read. It calls Maintenance/Snapshot; eetcd has no counterpart.
func Snapshot(parent context.Context, c Request) (*SnapshotReader, error) {
	if err := checkSnapshot(parent, c); err != nil {
		return nil, err
	}
	to, err := engine.Lookup(c.Conn())
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancelCause(parent)
	r := &SnapshotReader{sum: sha256.New(), cancel: func() { cancel(nil) }}
	inTime := func() bool { return true }
	if timeout, given := c.Timeout(); given {
		inTime = time.AfterFunc(timeout, func() { cancel(context.DeadlineExceeded) }).Stop
	}
	err = r.begin(life, to, c)
	for range refusalsMax {
		if err == nil || r.stream == nil || !r.stream.Refused(err) {
			break
		}
		err = r.begin(life, to, c) // with another token, or the same where the member may know it by now
	}
	if !inTime() && err == nil {
		err = etcderr.FromRPC(context.DeadlineExceeded, etcderr.Call{
			Method: pb.Maintenance_Snapshot_FullMethodName, Endpoint: r.stream.Endpoint(), Sent: true,
			Cause: context.DeadlineExceeded,
		})
	}
	if err != nil {
		r.cancel()
		return nil, err
	}
	return r, nil
}

func checkSnapshot(parent context.Context, c ctx.Ctx) error {
	err := c.Check("a snapshot request", 0)
	if parent == nil {
		return ctx.AlsoInvalid(err, "maintenance: the parent context is nil")
	}
	return err
}

// begin opens the stream and receives its first message, which tells the size.
func (r *SnapshotReader) begin(life context.Context, to *engine.Conn, c ctx.Ctx) error {
	endpoint, pinned := c.Endpoint()
	stream, err := resume.Stream{
		Conn: to, Desc: &pb.Maintenance_ServiceDesc.Streams[0], Method: pb.Maintenance_Snapshot_FullMethodName,
		Endpoint: endpoint, Pinned: pinned,
	}.Open(life)
	if err != nil {
		return err
	}
	r.stream = stream
	if err := stream.SendMsg(&pb.SnapshotRequest{}); err != nil && !errors.Is(err, io.EOF) {
		return err // where it is io.EOF, the stream has ended, and RecvMsg says why
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	first := new(pb.SnapshotResponse)
	if err := stream.RecvMsg(first); err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: empty", ErrSnapshot)
		}
		return err
	}
	if first.GetRemainingBytes() > math.MaxInt64/2 {
		return fmt.Errorf("%w: %d bytes are announced", ErrSnapshot, first.GetRemainingBytes())
	}
	r.version = first.GetVersion()
	r.size = int64(first.GetRemainingBytes()) + int64(len(first.GetBlob())) + sha256.Size
	r.take(first.GetBlob())
	return nil
}

// Size returns the number of bytes that the reader yields, the 32 of the digest included. It is safe for concurrent use.
func (r *SnapshotReader) Size() int64 { return r.size }

// Version returns the version of etcd whose format the database has, such as "3.7.0". It is "" where the server does not
// say, as those before 3.6 do not, nor a new one in its first moments. It is safe for concurrent use.
func (r *SnapshotReader) Version() string { return r.version }

// Read reads on. At the end it returns io.EOF if the snapshot is whole, else an error that is ErrSnapshot. Where the
// stream breaks before, it returns an [*etcderr.Error], which after Close is context.Canceled. Once there is an error,
// it stays.
func (r *SnapshotReader) Read(p []byte) (int, error) {
	for len(r.blob) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if len(p) == 0 {
			return 0, nil
		}
		r.receive()
	}
	n := copy(p, r.blob)
	r.blob = r.blob[n:]
	return n, nil
}

func (r *SnapshotReader) receive() {
	message := new(pb.SnapshotResponse)
	err := r.stream.RecvMsg(message)
	switch {
	case err == nil:
		r.take(message.GetBlob())
	case errors.Is(err, io.EOF):
		r.err = r.check()
	default:
		r.err = err
	}
}

// take takes a part: of the database, then of its digest.
func (r *SnapshotReader) take(blob []byte) {
	database := r.size - sha256.Size
	if int64(len(blob)) > r.size-r.done {
		r.err = fmt.Errorf("%w: more than the %d bytes that were announced", ErrSnapshot, database)
		r.cancel()
		return
	}
	r.blob = blob
	ofDatabase := min(max(database-r.done, 0), int64(len(blob)))
	r.sum.Write(blob[:ofDatabase]) // a hash never fails
	r.digest = append(r.digest, blob[ofDatabase:]...)
	r.done += int64(len(blob))
}

// check judges a stream that has come to its end.
func (r *SnapshotReader) check() error {
	switch {
	case r.done != r.size:
		return fmt.Errorf("%w: %d of %d bytes", ErrSnapshot, r.done, r.size)
	case !bytes.Equal(r.digest, r.sum.Sum(nil)):
		return fmt.Errorf("%w: it does not match its SHA-256", ErrSnapshot)
	default:
		return io.EOF
	}
}

// Close ends the snapshot. It returns nil, and may be called at any time, more than once, and while Read waits.
func (r *SnapshotReader) Close() error {
	r.cancel()
	return nil
}
