// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/codec"
)

// A program may use etcd's own stubs, whose messages have other Go types and the same wire format. They become messages of this
// SDK before they are translated, and answers become theirs afterwards.

// translation is what becomes of the messages of one RPC.
type translation interface {
	request(s *keyspace, message any) (any, error)
	answer(s *keyspace, message any) (any, error)
	received(s *keyspace, answer, message any) error
}

// message is a pointer to a message of this SDK.
type message[T any] interface {
	*T
	proto.Message
}

// translated has the functions that translate the request and the answer of an RPC.
type translated[Q, A any, QM message[Q], AM message[A]] struct {
	in  func(*keyspace, QM) (QM, error)
	out func(*keyspace, AM) error
}

func translate[Q, A any, QM message[Q], AM message[A]](
	in func(*keyspace, QM) (QM, error), out func(*keyspace, AM) error,
) translation {
	return translated[Q, A, QM, AM]{in, out}
}

func (t translated[Q, A, QM, AM]) request(s *keyspace, m any) (any, error) {
	ours, ok := m.(QM)
	if !ok {
		ours = new(Q)
		if err := convert(m, ours); err != nil {
			return nil, s.invalid("cannot translate a request of the type %T", m)
		}
	}
	request, err := t.in(s, ours)
	if err != nil {
		return nil, err
	}
	return request, nil
}

func (t translated[Q, A, QM, AM]) answer(s *keyspace, m any) (any, error) {
	switch m.(type) {
	case AM:
		return m, nil
	case proto.Message, protoadapt.MessageV1:
		return AM(new(A)), nil
	default:
		return nil, s.invalid("cannot translate an answer to the type %T", m)
	}
}

func (t translated[Q, A, QM, AM]) received(s *keyspace, answer, m any) error {
	if err := t.out(s, answer.(AM)); err != nil {
		return err
	}
	if _, ours := m.(AM); ours {
		return nil
	}
	if err := convert(answer, m); err != nil {
		text := fmt.Sprintf("conn: namespace %q: the answer cannot be decoded as %T: %v", s.name, m, err)
		return etcderr.FromRPC(status.Error(codes.Internal, text), etcderr.Call{Sent: true})
	}
	return nil
}

// convert copies a message to another one with the same wire format.
func convert(from, to any) error {
	c := codec.Proto()
	wire, err := c.Marshal(from)
	if err != nil {
		return err
	}
	defer wire.Free()
	return c.Unmarshal(wire, to)
}
