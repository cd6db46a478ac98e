// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// program is written for clientv3. It runs over both clients, and what it tells must be equal.
type program struct {
	name   string
	covers string // names of clientv3 in rows of docs/clientv3.md, without the package; blanks between them
	run    func(p *play)
}

// play is one run of a program.
type play struct {
	context.Context
	cli   *clientv3.Client
	rev   int64 // of the store at its start; revisions are told from there
	ids   map[int64]int
	lines []string
	sets  []string // lines whose order means nothing
}

// set adds a line whose order among such lines means nothing, and flush adds them all.
func (p *play) set(what string, v any) { p.sets = append(p.sets, fmt.Sprintf("%s: %v", what, v)) }

func (p *play) flush() {
	slices.Sort(p.sets)
	p.lines = append(p.lines, p.sets...)
	p.sets = nil
}

// playBoth runs a program over clientv3 and over the adapter, on equal stores, and compares.
func playBoth(t *testing.T, clients [2]*clientv3.Client, run func(*play)) {
	t.Helper()
	var told [2][]string
	for i, cli := range clients {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		start, err := clients[0].Get(ctx, "x", clientv3.WithCountOnly())
		if err != nil {
			t.Fatal(err)
		}
		p := &play{Context: ctx, cli: cli, rev: start.Header.Revision, ids: map[int64]int{}}
		p.play(t, run)
		told[i] = p.lines
		if _, err := clients[0].Delete(ctx, "", clientv3.WithPrefix()); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	if len(told[0]) == 0 {
		t.Fatal("the program tells nothing")
	}
	for i := range max(len(told[0]), len(told[1])) {
		var line [2]string
		for k := range told {
			if i < len(told[k]) {
				line[k] = told[k][i]
			}
		}
		if line[0] != line[1] {
			t.Errorf("line %d\n  clientv3: %s\n  adapter:  %s", i, line[0], line[1])
		}
	}
	if testing.Verbose() {
		t.Log("\n" + strings.Join(told[1], "\n"))
	}
}

// play runs a program. Where must gives up, the test fails.
func (p *play) play(t *testing.T, run func(*play)) {
	defer func() {
		if err := recover(); err != nil {
			t.Fatalf("after\n%s\nthere must not be %v", strings.Join(p.lines, "\n"), err)
		}
	}()
	run(p)
}

// tell adds a line with a value, and with the error if there is one.
func (p *play) tell(what string, v any, err error) {
	line := what + ": "
	if err != nil {
		line += told(err)
	} else {
		line += p.show("", reflect.ValueOf(v))
	}
	p.lines = append(p.lines, line)
}

func (p *play) say(format string, arguments ...any) {
	p.lines = append(p.lines, fmt.Sprintf(format, arguments...))
}

// must returns the value of a call that has to succeed.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// told names an error by what programs compare.
func told(err error) string {
	var server rpctypes.EtcdError
	switch {
	case err == nil:
		return "no error"
	case errors.As(err, &server):
		return fmt.Sprintf("rpctypes %v %q", server.Code(), server.Error())
	case err == context.DeadlineExceeded || err == context.Canceled:
		return "bare " + err.Error()
	case status.Code(err) == codes.Unimplemented: // by a member that is older than the method
		return fmt.Sprintf("unimplemented %q", status.Convert(err).Message())
	default:
		return fmt.Sprintf("%T %v", err, err)
	}
}

// show writes a value with all exported fields, but without what differs from run to run.
func (p *play) show(name string, v reflect.Value) string {
	switch v.Kind() {
	case reflect.Invalid:
		return "nil"
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		return p.show(name, v.Elem())
	case reflect.Struct:
		var fields []string
		for i := range v.NumField() {
			switch f := v.Type().Field(i); {
			case !f.IsExported(), f.Name == "ClusterId", f.Name == "MemberId", f.Name == "RaftTerm":
			default:
				if text := p.show(f.Name, v.Field(i)); text != "" {
					fields = append(fields, f.Name+"="+text)
				}
			}
		}
		return "{" + strings.Join(fields, " ") + "}"
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("%q", v.Bytes())
		}
		var all []string
		for i := range v.Len() {
			all = append(all, p.show("", v.Index(i)))
		}
		return "[" + strings.Join(all, " ") + "]"
	case reflect.Int64:
		switch n := v.Int(); {
		case n == 0:
			return ""
		case strings.HasSuffix(name, "Revision"):
			return fmt.Sprintf("+%d", n-p.rev)
		case name == "ID" || name == "Lease":
			if p.ids[n] == 0 {
				p.ids[n] = len(p.ids) + 1
			}
			return fmt.Sprintf("#%d", p.ids[n])
		}
	}
	return fmt.Sprint(v.Interface())
}
