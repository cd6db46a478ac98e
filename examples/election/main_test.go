// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
)

// asProgram makes the test binary run the program, as it does for the candidates that it starts.
const asProgram = "ELECTION_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestNextCandidateLeadsWhenTheLeaderIsKilled(t *testing.T) {
	t.Setenv(asProgram, "1")
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	story := regexp.MustCompile(`(?s)(\w+) leads, with fencing revision (\d+), and is killed\.` +
		`.*   (\w+) leads, with fencing revision (\d+)\.\n   A late write of (\w+) is refused\.\n.*Done\.`)
	m := story.FindStringSubmatch(out.String())
	if m == nil {
		t.Fatalf("%s", &out)
	}
	before, _ := strconv.Atoi(m[2])
	after, _ := strconv.Atoi(m[4])
	if m[1] == m[3] || m[5] != m[1] || after <= before {
		t.Errorf("%s", &out)
	}
	if open := conn.Info(); len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
}
