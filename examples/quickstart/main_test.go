// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

// asProgram makes the test binary run the program, so that its exit and its signals can be tested.
const asProgram = "QUICKSTART_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestWalkGoesThroughKeysTransactionsAndAnOutage(t *testing.T) {
	t.Setenv("ETCD_ENDPOINTS", "")
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	checkOrder(t, out.String(),
		`1\. Find a cluster`,
		`-> member m0 runs etcd v\d+\.\d+\.\d+ at 127\.0\.0\.1:\d+`,
		`-> member m2 runs`,
		`-> 127\.0\.0\.1:\d+ is Active`,
		`-> revision 2\n`,
		`-> revision 3; the value before was "starting"`,
		`10\.0\.0\.1 = up \(revision 3, version 2\)`,
		`10\.0\.0\.1 = starting \(revision 2, version 1\)`,
		`10\.0\.0\.3 = up`, `10\.0\.0\.2 = up`, `-> more: true`, `-> 3 keys`,
		`-> ctx: WithLimit does not apply to a put request`,
		`-> ctx: WithTimeout\(5ns\) is below 1ms in a put request`,
		`-> not sent`,
		`-> swapped at revision \d+`,
		`-> not swapped`, `config = v2`,
		`-> 4 keys deleted`,
		`-> answered by member m\d at 127\.0\.0\.1:\d+`,
		`-> \d+ reads in \d+\.\d s, none failed`,
		`Name +\| Status \| Endpoint +\| Reconnect in \| Reason`,
		`registry \| Frozen \| 127\.0\.0\.1:\d+ +\| \d+(\.\d)?s +\| .*connection refused`,
		`-> 127\.0\.0\.1:\d+ is Active again after`,
		`10\.0\.0\.1 = still here`,
		`Name +\| Status \| Endpoint +\| Leases\n.*\n( +registry \| Active \| .*\n){3}\n`,
		`Done\.`,
	)
	if open := conn.Info(); len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
}

// checkOrder checks that the text has a match of each pattern, each after the one before it.
func checkOrder(t *testing.T, text string, patterns ...string) {
	t.Helper()
	rest := text
	for _, pattern := range patterns {
		found := regexp.MustCompile(pattern).FindStringIndex(rest)
		if found == nil {
			t.Fatalf("no %q in what is left:\n%s\nof:\n%s", pattern, rest, text)
		}
		rest = rest[found[1]:]
	}
}

func TestWalkThroughAUsersClusterLeavesNothingBehind(t *testing.T) {
	theirs := etcdtest.Start(t)
	t.Setenv("ETCD_ENDPOINTS", " "+theirs.Endpoints()[0]+" ")
	c, err := conn.Open(t.Context(), "theirs", theirs.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := kv.Put(t.Context(), kv.New("theirs").WithKey("config").WithValue("v1")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	checkOrder(t, out.String(), `that of \$ETCD_ENDPOINTS`, `-> 4 keys deleted`, `kills no member of your cluster`, `Done\.`)
	checkKeys(t, "config")

	// An interrupted walk removes what it has written so far.
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	halfway := writer(func(p []byte) {
		if strings.Contains(string(p), "Compare and swap") {
			cancel(why)
		}
	})
	if err := run(ctx, halfway); !errors.Is(err, why) {
		t.Errorf("interrupted: %v", err)
	}
	checkKeys(t, "config")
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func checkKeys(t *testing.T, want string) {
	t.Helper()
	resp, err := kv.Get(t.Context(), kv.New("theirs").WithPrefix().WithKeysOnly())
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, pair := range resp.GetKvs() {
		keys = append(keys, string(pair.GetKey()))
	}
	if got := strings.Join(keys, " "); got != want {
		t.Errorf("keys %q, want %q", got, want)
	}
}

func TestFailedProgramPrintsTheReasonAndExitsNonZero(t *testing.T) {
	for _, tt := range []struct{ name, variable, value, want string }{
		{"nobody answers", "ETCD_ENDPOINTS", "127.0.0.1:1", "connection refused"},
		{"an endpoint that is none", "ETCD_ENDPOINTS", "127.0.0.1:1,nonsense", `"nonsense"`},
		{"no server to run", "ETCD_BIN", "/no/such/etcd", "/no/such/etcd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			program := command(t, "ETCD_ENDPOINTS=", tt.variable+"="+tt.value)
			var stderr bytes.Buffer
			program.Stderr = &stderr
			err := program.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("ended with %v, want exit status 1", err)
			}
			if text := stderr.String(); !strings.HasPrefix(text, "quickstart: ") || !strings.Contains(text, tt.want) {
				t.Errorf("stderr %q does not say %s", text, tt.want)
			}
		})
	}
}

func TestInterruptedProgramCleansUpAndExitsNonZero(t *testing.T) {
	data := t.TempDir()
	program := command(t, "ETCD_ENDPOINTS=", "TMPDIR="+data)
	var stderr bytes.Buffer
	program.Stderr = &stderr
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	var interrupt sync.Once
	_, err = io.Copy(writer(func(p []byte) {
		if strings.Contains(string(p), "Read on") {
			interrupt.Do(func() {
				if err := program.Process.Signal(os.Interrupt); err != nil {
					t.Error(err)
				}
			})
		}
	}), out)
	if err != nil {
		t.Error(err)
	}
	err = program.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || stderr.String() != "quickstart: interrupted\n" {
		t.Errorf("ended with %v, saying %q", err, &stderr)
	}
	left, err := os.ReadDir(data)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// command returns the command of the program with further environment variables.
func command(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := exec.CommandContext(t.Context(), self)
	program.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	program.WaitDelay = 10 * time.Second
	return program
}
