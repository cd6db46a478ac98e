// SPDX-License-Identifier: Apache-2.0

package codec_test

import (
	"testing"

	"google.golang.org/grpc/encoding"

	"github.com/eetcd-go/eetcd/internal/codec"
)

// own is a codec of the program's.
type own struct{ encoding.CodecV2 }

func TestCodecOfTheProgramIsToldFromGRPCs(t *testing.T) {
	if codec.Replaced() {
		t.Error("gRPC's codec is taken for one of the program's")
	}
	grpcs := codec.Proto()
	encoding.RegisterCodecV2(own{grpcs})
	defer encoding.RegisterCodecV2(grpcs)
	if !codec.Replaced() {
		t.Error("a codec of the program's is taken for gRPC's")
	}
}
