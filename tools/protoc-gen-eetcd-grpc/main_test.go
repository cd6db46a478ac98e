// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

// TestMain makes the test binary a plugin that echoes its input when run asks for it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "echo" {
		if _, err := os.Stdin.WriteTo(os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestRunPassesTheStrippedRequestToThePlugin(t *testing.T) {
	in, err := proto.Marshal(request())
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if err := run(bytes.NewReader(in), &stdout, &stderr, []string{os.Args[0], "echo"}); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	got, want := new(pluginpb.CodeGeneratorRequest), request()
	if err := proto.Unmarshal(stdout.Bytes(), got); err != nil {
		t.Fatal(err)
	}
	if strip(want); !proto.Equal(got, want) {
		t.Errorf("the plugin was given\n%v\nnot\n%v", got, want)
	}
}

func TestRunReportsWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name    string
		stdin   string
		command []string
		want    string
	}{
		{"no plugin", "", nil, "plugin to run is missing"},
		{"no such plugin", "", []string{"/nonexistent/plugin"}, "run /nonexistent/plugin"},
		{"not a request", "\xff", []string{os.Args[0], "echo"}, "decode the request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			err := run(strings.NewReader(test.stdin), &stdout, &stderr, test.command)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}
