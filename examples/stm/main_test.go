// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
)

func TestTransfersKeepTheSumOfMoney(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, pattern := range []string{
		`\d+ were refused because the account had too little, and [1-9]\d* attempts conflicted with another clerk's`,
		`There were 300 in all, and now there are 300\.`,
		`Done\.`,
	} {
		if !regexp.MustCompile(pattern).MatchString(out.String()) {
			t.Errorf("no %q in\n%s", pattern, &out)
		}
	}
	if open := conn.Info(); len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
}
