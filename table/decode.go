// SPDX-License-Identifier: Apache-2.0

package table

import (
	"bytes"
	"fmt"
	"runtime/debug"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/typed"
)

// String decodes a value as a string.
func String(pair *mvccpb.KeyValue) (string, error) { return string(pair.GetValue()), nil }

// Bytes decodes a value as a copy of its bytes: the value itself shares memory with other events, which a table that keeps it would keep
// as well. The copy is shared by all readers of the table, so nobody may change it.
func Bytes(pair *mvccpb.KeyValue) ([]byte, error) { return bytes.Clone(pair.GetValue()), nil }

// JSON decodes a value as typed.JSON does: it ignores members that V has no field for, and refuses an empty value. The text of
// its errors shows nothing of the value.
func JSON[V any](pair *mvccpb.KeyValue) (V, error) { return typed.JSON[V]().Decode(pair.GetValue()) }

// Proto decodes a value in protobuf's binary format as a generated message, such as *pb.Account. All readers of the table share
// the message, so nobody may change it.
func Proto[M proto.Message](pair *mvccpb.KeyValue) (M, error) {
	return typed.Proto[M]().Decode(pair.GetValue())
}

// PanicError says that a decoder or a validation panicked.
type PanicError struct {
	Value any    // of the panic
	Stack string // where it was
}

// Error returns the text of the panic in one line, without the stack.
func (e *PanicError) Error() string { return "panic: " + tell.Line(fmt.Sprint(e.Value)) }

// decoder makes the values of a table.
type decoder[V any] struct {
	decode   func(*mvccpb.KeyValue) (V, error)
	validate func(V) error // may be nil
}

// value decodes and validates a pair. A panic becomes an error: data that somebody else has written must not end the program.
func (d decoder[V]) value(pair *mvccpb.KeyValue) (value V, err error) {
	defer func() {
		if said := recover(); said != nil {
			value, err = *new(V), &PanicError{Value: said, Stack: string(debug.Stack())}
		}
	}()
	if value, err = d.decode(pair); err == nil && d.validate != nil {
		err = d.validate(value)
	}
	return value, err
}
