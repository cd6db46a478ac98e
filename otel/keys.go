// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	keysMax = 16  // of one request
	keyMax  = 256 // bytes of each
)

// keyFields are the names of fields that hold keys, or names of locks and elections, which are parts of keys.
var keyFields = map[protoreflect.Name]bool{"key": true, "range_end": true, "name": true}

// keysOf returns the keys of a request, with those of a transaction's operations. It knows them by the names of their fields, so the
// messages of etcd's own Go packages work too. A request that is no protobuf message has none.
func keysOf(request any) []string {
	m, ok := request.(proto.Message)
	if !ok {
		return nil
	}
	return keysIn(m.ProtoReflect(), nil)
}

func keysIn(m protoreflect.Message, keys []string) []string {
	fields := m.Descriptor().Fields()
	for i := 0; i < fields.Len() && len(keys) < keysMax; i++ {
		f := fields.Get(i)
		switch {
		case !m.Has(f):
		case f.Kind() == protoreflect.BytesKind && !f.IsList() && keyFields[f.Name()]:
			keys = append(keys, shown(m.Get(f).Bytes()))
		case f.Kind() == protoreflect.MessageKind && f.IsList():
			for j := 0; j < m.Get(f).List().Len() && len(keys) < keysMax; j++ {
				keys = keysIn(m.Get(f).List().Get(j).Message(), keys)
			}
		case f.Kind() == protoreflect.MessageKind && !f.IsMap():
			keys = keysIn(m.Get(f).Message(), keys)
		}
	}
	return keys
}

// shown returns a key as text of limited length.
func shown(key []byte) string { return strings.ToValidUTF8(string(key[:min(len(key), keyMax)]), "�") }
