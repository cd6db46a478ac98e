// SPDX-License-Identifier: Apache-2.0

package call

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"

	"github.com/eetcd-go/eetcd/internal/codec"
)

func TestMessagesAreShownToInterceptorsCodecsAndTracesOfTheProgram(t *testing.T) {
	type own struct{ encoding.CodecV2 }
	grpcs := codec.Proto()
	for name, tt := range map[string]struct {
		dial []grpc.DialOption
		set  func(on bool)
		want bool
	}{
		"nobody":      {nil, func(bool) {}, false},
		"dial option": {[]grpc.DialOption{grpc.WithUserAgent("a")}, func(bool) {}, true},
		"trace":       {nil, func(on bool) { grpc.EnableTracing = on }, true},
		"codec": {nil, func(on bool) {
			if on {
				encoding.RegisterCodecV2(own{grpcs})
			} else {
				encoding.RegisterCodecV2(grpcs)
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			tt.set(true)
			defer tt.set(false)
			if got := newCommon(Config{Dial: tt.dial}).shown(); got != tt.want {
				t.Errorf("shown %t, want %t", got, tt.want)
			}
		})
	}
}
