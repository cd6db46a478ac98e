// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
)

// connection is the name of the connection, by which every request finds it.
const connection = "registry"

// walk takes one step after another and prints it: a title, the call in short, and its result.
type walk struct {
	out    io.Writer
	steps  int
	prefix string // of every key written here, and of no other key
	base   kv.Request
}

func newWalk(out io.Writer) *walk {
	prefix := "quickstart-" + strings.ToLower(rand.Text()[:6]) + "/"
	return &walk{out: out, prefix: prefix, base: kv.New(connection).WithKey(prefix)}
}

func (w *walk) say(format string, args ...any) { fmt.Fprintf(w.out, "\n"+format+"\n", args...) }

func (w *walk) step(title string) {
	w.steps++
	w.say("%d. %s", w.steps, title)
}

func (w *walk) call(code string) { fmt.Fprintf(w.out, "   %s\n", code) }

func (w *walk) result(format string, args ...any) {
	fmt.Fprintf(w.out, "     -> "+format+"\n", args...)
}

func (w *walk) pairs(found []*mvccpb.KeyValue) {
	for _, pair := range found {
		w.result("%s = %s (revision %d, version %d)", pair.GetKey(), pair.GetValue(), pair.GetModRevision(), pair.GetVersion())
	}
}

// sweep removes the walk's keys, also after an interruption.
func (w *walk) sweep(ctx context.Context) error {
	_, err := kv.Delete(context.WithoutCancel(ctx), w.base.WithPrefix().WithTimeout(2*time.Second))
	if err != nil {
		w.say("The keys that begin with %s may still be there.", w.prefix)
	}
	return err
}
