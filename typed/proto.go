// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"errors"
	"fmt"
	"reflect"

	"google.golang.org/protobuf/proto"
)

// Proto returns the codec of protobuf's binary format for a type of generated messages, such as *pb.Account. Encode refuses a
// nil message. Fields that the message does not know are kept.
func Proto[M proto.Message]() Codec[M] { return protoCodec[M]{} }

type protoCodec[M proto.Message] struct{}

var errNil = errors.New("the message is nil")

func (protoCodec[M]) Encode(message M) ([]byte, error) {
	if any(message) == nil || !message.ProtoReflect().IsValid() {
		return nil, errNil
	}
	return proto.Marshal(message)
}

func (protoCodec[M]) Decode(data []byte) (M, error) {
	var none M
	if any(none) == nil {
		return none, fmt.Errorf("%v is no type of generated messages", reflect.TypeFor[M]())
	}
	message := none.ProtoReflect().New().Interface().(M)
	return message, proto.Unmarshal(data, message)
}
