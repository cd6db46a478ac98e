// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

const prefix = "tenants/7/"

// paths lists the RPCs that are translated, with their messages.
func paths(t *testing.T) map[string]protoreflect.MethodDescriptor {
	all := map[string]protoreflect.MethodDescriptor{}
	for _, m := range []proto.Message{&pb.RangeRequest{}, &v3lockpb.LockRequest{}, &v3electionpb.LeaderRequest{}} {
		services := m.ProtoReflect().Descriptor().ParentFile().Services()
		for i := range services.Len() {
			methods := services.Get(i).Methods()
			for j := range methods.Len() {
				path := fmt.Sprintf("/%s/%s", services.Get(i).FullName()[len("eetcd."):], methods.Get(j).Name())
				if KindOf(path) == Translated {
					all[path] = methods.Get(j)
				}
			}
		}
	}
	if len(all) != 14 {
		t.Fatalf("%d RPCs are translated: is the test still about all of them?", len(all))
	}
	return all
}

// keys are the fields of bytes that are keys, and values those that are none.
var (
	keys   = map[protoreflect.Name]bool{"key": true, "range_end": true, "name": true, "keys": true}
	values = map[protoreflect.Name]bool{"value": true}
)

// filled returns messages with every field set. Each alternative of a oneof is in one of them. Keys begin with prefix.
func filled(d protoreflect.MessageDescriptor, prefix string, depth int) []proto.Message {
	var all []proto.Message
	for _, choice := range choices(d) {
		m := dynamicpb.NewMessage(d)
		for i := range d.Fields().Len() {
			f := d.Fields().Get(i)
			if f.ContainingOneof() != nil && f != choice {
				continue
			}
			if f.Message() != nil && depth == 0 {
				continue // a transaction in a transaction, without operations
			}
			switch {
			case f.IsList() && f.Message() != nil:
				for _, element := range filled(f.Message(), prefix, depth-1) {
					m.Mutable(f).List().Append(protoreflect.ValueOfMessage(element.ProtoReflect()))
				}
			case f.IsList():
				m.Mutable(f).List().Append(scalar(f, prefix))
			case f.Message() != nil:
				m.Set(f, protoreflect.ValueOfMessage(filled(f.Message(), prefix, depth-1)[0].ProtoReflect()))
			default:
				m.Set(f, scalar(f, prefix))
			}
		}
		all = append(all, m)
	}
	return all
}

// choices returns the alternatives of the oneof of a message, or nil once if it has none.
func choices(d protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	if d.Oneofs().Len() == 0 {
		return []protoreflect.FieldDescriptor{nil}
	}
	var all []protoreflect.FieldDescriptor
	for i := range d.Oneofs().Get(0).Fields().Len() {
		all = append(all, d.Oneofs().Get(0).Fields().Get(i))
	}
	return all
}

func scalar(f protoreflect.FieldDescriptor, prefix string) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BytesKind:
		if keys[f.Name()] {
			return protoreflect.ValueOfBytes([]byte(prefix + string(f.Name())))
		}
		if !values[f.Name()] {
			panic(fmt.Sprintf("is %s a key or a value?", f.FullName()))
		}
		return protoreflect.ValueOfBytes([]byte(f.Name()))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(string(f.Name()))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(1)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(f.Number()))
	default:
		return protoreflect.ValueOfInt64(int64(f.Number()))
	}
}

const depth = 5 // a transaction in a transaction, and its operations

func TestEachFieldOfARequestIsCarriedOverAndEachKeyGetsThePrefix(t *testing.T) {
	s := New("tenant", prefix)
	for path, rpc := range paths(t) {
		stored := filled(rpc.Input(), prefix, depth)
		for i, m := range filled(rpc.Input(), "", depth) {
			given := proto.Clone(m)
			got, err := of(t, s, path).Request(m)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			if wire(got.(proto.Message)) != wire(stored[i]) {
				t.Errorf("%s sends\n%v\nwant\n%v", path, got, stored[i])
			}
			if !proto.Equal(m, given) {
				t.Errorf("%s changes the caller's message to\n%v", path, m)
			}
		}
	}
}

func TestOwnRequestStaysAsItIs(t *testing.T) {
	s := New("tenant", prefix)
	for path, rpc := range paths(t) {
		for _, m := range filled(rpc.Input(), "", depth) {
			own := ownOf(t, path, true)
			if err := convert(m, own); err != nil {
				t.Fatal(err)
			}
			before := proto.Clone(own)
			if _, err := of(t, s, path).Request(own); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if !proto.Equal(own, before) {
				t.Errorf("%s changes the caller's message to\n%v", path, own)
			}
		}
	}
}

func TestEachKeyOfAnAnswerLosesThePrefixAndNothingElseChanges(t *testing.T) {
	s := New("tenant", prefix)
	for path, rpc := range paths(t) {
		wanted := filled(rpc.Output(), "", depth)
		for i, m := range filled(rpc.Output(), prefix, depth) {
			foreign := dynamicpb.NewMessage(rpc.Output())
			for _, target := range []proto.Message{foreign, ownOf(t, path, false)} {
				into, err := of(t, s, path).Answer(target)
				if err != nil {
					t.Fatal(err)
				}
				if err := convert(m, into); err != nil {
					t.Fatal(err)
				}
				if err := of(t, s, path).Received(into, target); err != nil {
					t.Errorf("%s: %v", path, err)
				}
				if wire(target) != wire(wanted[i]) {
					t.Errorf("%s answers\n%v\nwant\n%v", path, target, wanted[i])
				}
			}
		}
	}
}

// ownOf returns an empty request or response of the SDK's own type.
func ownOf(t *testing.T, path string, request bool) proto.Message {
	t.Helper()
	if !request {
		d := paths(t)[path].Output()
		m, err := translations[path].answer(newKeyspace("tenant", prefix), dynamicpb.NewMessage(d))
		if err != nil {
			t.Fatal(err)
		}
		return m.(proto.Message)
	}
	m, err := translations[path].request(newKeyspace("tenant", prefix), dynamicpb.NewMessage(paths(t)[path].Input()))
	if err != nil {
		t.Fatal(err)
	}
	own := m.(proto.Message)
	proto.Reset(own)
	return own
}

// wire is a message as it is sent.
func wire(m proto.Message) string {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestFieldsThatThisVersionDoesNotKnowAreRefused(t *testing.T) {
	s := New("tenant", prefix)
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 9999, protowire.VarintType), 1)
	for path, rpc := range paths(t) {
		for _, m := range filled(rpc.Input(), "", depth) {
			for i := range messagesIn(m.ProtoReflect()) {
				newer := proto.Clone(m)
				part := messagesIn(newer.ProtoReflect())[i]
				part.SetUnknown(unknown)
				name := part.Descriptor().Name()
				if name == "WatchCancelRequest" || name == "WatchProgressRequest" {
					continue // of these no field will be a key
				}
				if _, err := of(t, s, path).Request(newer); !errors.Is(err, ctx.ErrInvalid) || etcderr.OutcomeOf(err) != etcderr.NotSent {
					t.Errorf("%s with an unknown field in %s: %v", path, name, err)
				}
			}
		}
	}
}

// messagesIn returns a message and those in it, in a fixed order.
func messagesIn(m protoreflect.Message) []protoreflect.Message {
	all := []protoreflect.Message{m}
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		switch {
		case f.Message() == nil || !m.Has(f):
		case f.IsList():
			for j := range m.Get(f).List().Len() {
				all = append(all, messagesIn(m.Get(f).List().Get(j).Message())...)
			}
		default:
			all = append(all, messagesIn(m.Get(f).Message())...)
		}
	}
	return all
}
