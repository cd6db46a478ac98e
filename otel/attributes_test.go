// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"encoding/json"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestCodesAreSpelledAsTheSpecificationOfGRPCSpellsThem(t *testing.T) {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		name := codeOf(status.Error(code, ""))
		var read codes.Code // gRPC reads the names of its specification from JSON
		if err := json.Unmarshal([]byte(`"`+name+`"`), &read); err != nil || read != code {
			t.Errorf("%v is %s, which is %v: %v", code, name, read, err)
		}
	}
	if name := codeOf(status.Error(99, "")); name != "UNKNOWN" {
		t.Errorf("a code that there is not: %s", name)
	}
}
