// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// JSON returns the codec of encoding/json for V. Decode ignores members of an object that V has no field for, so an Update
// drops them. Decode refuses data after the value, and an empty value.
//
// The text of a decoding error tells where the data does not fit, but shows nothing of the data. errors.As finds the error of
// encoding/json, whose text may show some.
func JSON[V any]() Codec[V] { return jsonCodec[V]{} }

type jsonCodec[V any] struct{}

func (jsonCodec[V]) Encode(value V) ([]byte, error) { return json.Marshal(value) }

func (jsonCodec[V]) Decode(data []byte) (value V, err error) {
	if err := json.Unmarshal(data, &value); err != nil {
		return value, &jsonError{err: err, into: reflect.TypeFor[V]()}
	}
	return value, nil
}

// jsonError tells an error of encoding/json without the data that it quotes.
type jsonError struct {
	err  error
	into reflect.Type
}

func (e *jsonError) Error() string {
	var syntax *json.SyntaxError
	var unfit *json.UnmarshalTypeError
	switch {
	case errors.As(e.err, &syntax):
		return fmt.Sprintf("JSON syntax error after %d bytes", syntax.Offset)
	case errors.As(e.err, &unfit) && unfit.Field != "":
		return fmt.Sprintf("JSON %s does not fit the field %s of type %v, after %d bytes",
			kindOf(unfit), unfit.Field, unfit.Type, unfit.Offset)
	case errors.As(e.err, &unfit):
		return fmt.Sprintf("JSON %s does not fit the type %v, after %d bytes", kindOf(unfit), unfit.Type, unfit.Offset)
	default:
		return fmt.Sprintf("the JSON does not fit the type %v", e.into)
	}
}

func (e *jsonError) Unwrap() error { return e.err }

// kindOf is the kind of JSON value. Numbers come with their digits.
func kindOf(e *json.UnmarshalTypeError) string {
	kind, _, _ := strings.Cut(e.Value, " ")
	return kind
}
