// SPDX-License-Identifier: Apache-2.0

// Package namespace translates etcd's messages for a connection whose keys all have a prefix that its users do not see. It
// puts the prefix before each key of a request, and takes it off each key of an answer. It sends nothing.
//
// Its files depend on each other in one direction. From below: keys and ranges (keyspace.go), what requests become
// (requests.go), what answers become (answers.go), messages of other Go types (translation.go), what becomes of each RPC
// (methods.go).
package namespace

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
)

// keyspace is the part of the key space that has a prefix.
type keyspace struct {
	name   string // of the connection, for errors
	prefix string
	end    string // of the range of all keys with the prefix
}

func newKeyspace(name, prefix string) *keyspace {
	return &keyspace{name: name, prefix: prefix, end: ctx.PrefixEnd(prefix)}
}

// noEnd is the range end of a range without an end, and the smallest key.
const noEnd = "\x00"

// join returns the key in the store for a key of the space.
func (s *keyspace) join(key []byte) []byte {
	joined := make([]byte, 0, len(s.prefix)+len(key))
	return append(append(joined, s.prefix...), key...)
}

// key is join for a key that must not be empty. An empty one stays empty, so that the server refuses it as it does elsewhere.
func (s *keyspace) key(key []byte) []byte {
	if len(key) == 0 {
		return nil
	}
	return s.join(key)
}

// to returns the range end in the store for a range end of the space.
func (s *keyspace) to(end []byte) []byte {
	switch string(end) {
	case "":
		return nil
	case noEnd:
		return []byte(s.end)
	default:
		return s.join(end)
	}
}

// interval returns the range in the store for a range of the space. The server refuses a range without a key, so that one stays
// empty, whatever its end.
func (s *keyspace) interval(key, end []byte) (from, to []byte) {
	if len(key) == 0 {
		return nil, nil
	}
	return s.join(key), s.to(end)
}

// cut returns the key of the space for a key in the store. The result shares its memory.
func (s *keyspace) cut(key []byte) ([]byte, error) {
	if !s.has(key) {
		return nil, errOutside
	}
	return key[len(s.prefix):], nil
}

// has reports whether a key in the store is one of the space. The key that is the prefix alone is none, since keys are not empty.
func (s *keyspace) has(key []byte) bool {
	return len(key) > len(s.prefix) && string(key[:len(s.prefix)]) == s.prefix
}

// errOutside says that a server has answered with a key that nobody asked for. Its outcome is Unknown.
var errOutside = etcderr.FromRPC(
	status.Error(codes.Internal, "conn: a key outside the namespace is in the answer"), etcderr.Call{Sent: true})

// invalid returns an error that is ctx.ErrInvalid.
func (s *keyspace) invalid(format string, args ...any) error {
	return &ctx.InvalidError{Conflicts: []string{fmt.Sprintf("conn: namespace %q ", s.name) + fmt.Sprintf(format, args...)}}
}

// known refuses a message with fields that this version does not know, because one of them may name a key.
func (s *keyspace) known(m proto.Message) error {
	r := m.ProtoReflect()
	if len(r.GetUnknown()) == 0 {
		return nil
	}
	return s.invalid("cannot translate a field of %s that this version does not know", r.Descriptor().Name())
}
