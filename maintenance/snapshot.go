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
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// ErrSnapshot says that a snapshot came to its end and is broken. Its length is not the announced one, or its SHA-256 does not
// match. errors.Is finds it.
var ErrSnapshot = errors.New("maintenance: broken snapshot")

// refusalsMax is how often a snapshot is asked for again after its token was refused.
const refusalsMax = 8

// SnapshotReader reads a snapshot: the database, followed by the 32 bytes of its SHA-256. etcd's tools restore from
// this format. The digest is checked at the end, so use the data only after io.EOF. A SnapshotReader is not safe for
// concurrent use, but Close is.
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

// Snapshot begins a snapshot of the database of the member at the request's endpoint, or of any member without
// WithEndpoint. Every member has all the data, but may lag behind. parent limits the whole snapshot, and WithTimeout
// its start. Neither has a default. The caller closes the reader. A broken snapshot cannot be resumed, and Read returns
// the error. It calls Maintenance/Snapshot.
func Snapshot(parent context.Context, c Request) (*SnapshotReader, error) {
	if err := checkSnapshot(parent, c); err != nil {
		return nil, err
	}
	to, err := wire.RouteOf(c)
	if err != nil {
		return nil, err
	}
	timeout := to.Timeout
	to.Timeout = 0 // it bounds more than the opening of the stream
	life, cancel := context.WithCancelCause(parent)
	r := &SnapshotReader{sum: sha256.New(), cancel: func() { cancel(nil) }}
	inTime := func() bool { return true }
	if timeout > 0 {
		inTime = time.AfterFunc(timeout, func() { cancel(context.DeadlineExceeded) }).Stop
	}
	err = r.begin(life, to)
	for range refusalsMax {
		if err == nil || r.stream == nil || !r.stream.Refused(err) {
			break
		}
		err = r.begin(life, to) // with another token, or the same where the member may know it by now
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
	err := render.Check(c, "a snapshot request", 0)
	if parent == nil {
		return render.AlsoInvalid(err, "maintenance: the parent context is nil")
	}
	return err
}

// begin opens the stream and receives its first message, which has the size.
func (r *SnapshotReader) begin(life context.Context, to wire.Route) error {
	stream, err := resume.Stream{
		Route: to, Desc: &pb.Maintenance_ServiceDesc.Streams[0], Method: pb.Maintenance_Snapshot_FullMethodName,
	}.Open(life)
	if err != nil {
		return err
	}
	r.stream = stream
	if err := stream.SendMsg(&pb.SnapshotRequest{}); err != nil && !errors.Is(err, io.EOF) {
		return err // io.EOF means that the stream has ended, and RecvMsg has the reason
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

// Size returns the number of bytes that the reader yields, with the 32 bytes of the digest. It is safe for concurrent
// use.
func (r *SnapshotReader) Size() int64 { return r.size }

// Version returns the etcd version of the database's format, such as "3.7.0". It is "" if the server does not report
// it, as servers before 3.6 and servers that have just started. It is safe for concurrent use.
func (r *SnapshotReader) Version() string { return r.version }

// Read reads on. At the end it returns io.EOF if the snapshot is whole, and otherwise an error that is ErrSnapshot. If
// the stream breaks before the end, it returns an [*etcderr.Error]. After Close that error is context.Canceled. An
// error stays for later calls.
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

// take appends a part to the database, and then to the digest.
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

// Close ends the snapshot and returns nil. It may be called at any time, more than once, and while Read waits.
func (r *SnapshotReader) Close() error {
	r.cancel()
	return nil
}
