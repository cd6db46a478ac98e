// SPDX-License-Identifier: Apache-2.0

package typed

import "runtime/debug"

// Codec turns values into bytes and back. The methods of a codec have to be safe for concurrent use. [JSON] and [Proto]
// return codecs, and any type with these methods is one.
//
// Decode may keep data, but must not change it. An error and a panic of either method become a [*CodecError].
type Codec[V any] interface {
	Encode(value V) ([]byte, error)
	Decode(data []byte) (V, error)
}

func encode[V any](codec Codec[V], key string, value V) (data []byte, err error) {
	defer recovered(&err, key, "encode")
	data, err = codec.Encode(value)
	return data, failed(err, key, "encode")
}

func decode[V any](codec Codec[V], key string, data []byte) (value V, err error) {
	defer func() {
		if err != nil {
			value = *new(V) // rather than half of a value
		}
	}()
	defer recovered(&err, key, "decode")
	value, err = codec.Decode(data)
	return value, failed(err, key, "decode")
}

func failed(err error, key, verb string) error {
	if err == nil {
		return nil
	}
	return &CodecError{Key: key, Err: err, verb: verb}
}

// recovered makes a panic of a codec an error: data that somebody else has written must not end the program.
func recovered(err *error, key, verb string) {
	if said := recover(); said != nil {
		*err = &CodecError{Key: key, Err: panicked(said), Stack: string(debug.Stack()), verb: verb}
	}
}
