// SPDX-License-Identifier: Apache-2.0

package table_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/table"
)

func TestTableOfMessagesKeepsTheLastGoodOne(t *testing.T) {
	write := func(key string, m *mvccpb.KeyValue) int64 {
		t.Helper()
		data, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return put(t, registry, key, string(data))
	}
	write("a", &mvccpb.KeyValue{Key: []byte("of a"), Version: 7})
	write("empty", &mvccpb.KeyValue{})
	var told error
	f := follow(t, under(t, registry), table.Proto[*mvccpb.KeyValue], table.WithOnError[*mvccpb.KeyValue](func(_ string, err error) {
		told = err
	}))
	if e, _ := f.Get(t.Name() + "/a"); string(e.Value.GetKey()) != "of a" || e.Value.GetVersion() != 7 {
		t.Errorf("the message is %v", e.Value)
	}
	if e, there := f.Get(t.Name() + "/empty"); !there || e.Value == nil || proto.Size(e.Value) > 0 {
		t.Errorf("an empty value is %v, %v", e.Value, there)
	}
	reaches(t, f, write("a", &mvccpb.KeyValue{Version: 8}))
	reaches(t, f, put(t, registry, "a", "secret"))
	if e, _ := f.Get(t.Name() + "/a"); e.Value.GetVersion() != 8 || e.Version != 2 {
		t.Errorf("after a value that is no message there is %+v", e)
	}
	if told == nil || strings.Contains(told.Error(), "secret") || strings.Contains(told.Error(), "\n") {
		t.Errorf("told %v", told)
	}
	if bad := f.Status().Undecoded; !slices.Equal(bad, []string{t.Name() + "/a"}) {
		t.Errorf("the keys that do not decode are %q", bad)
	}
	reaches(t, f, remove(t, registry, "a"))
	if _, there := f.Get(t.Name() + "/a"); there || len(f.Status().Undecoded) > 0 {
		t.Errorf("a key that was deleted is there: %v, %+v", there, f.Status())
	}
}

// No value is refused: every value has bytes.
func TestTableOfBytesHasEachValueAsItIs(t *testing.T) {
	values := map[string]string{"zero": "\x00", "no text": "\xff\xfe", "empty": "", "text": "a"}
	for key, value := range values {
		put(t, registry, key, value)
	}
	f := follow(t, under(t, registry), table.Bytes)
	for key, value := range values {
		if e, there := f.Get(t.Name() + "/" + key); !there || string(e.Value) != value {
			t.Errorf("%s is %q, %v", key, e.Value, there)
		}
	}
	before := f.Snapshot()
	reaches(t, f, put(t, registry, "text", "b"))
	if e, _ := before.Get(t.Name() + "/text"); string(e.Value) != "a" {
		t.Errorf("a snapshot has the later value %q", e.Value)
	}
}

func TestLiveRefusesBadRequests(t *testing.T) {
	c := table.New(registry).WithKey(t.Name())
	var none context.Context
	for want, follow := range map[string]func() error{
		"a table needs WithKey":            func() error { return live(t.Context(), table.New(registry)) },
		"Live takes one key":               func() error { return live(t.Context(), c.WithPrefix()) },
		"WithLimit and WithFirstKey":       func() error { return live(t.Context(), c.WithLimit(1)) },
		"WithValue":                        func() error { return live(t.Context(), c.WithValue("v")) },
		"WithLease":                        func() error { return live(t.Context(), c.WithLease(7)) },
		"table: the parent context is nil": func() error { return live(none, c) },
		"WithTimeout(1ns)":                 func() error { return live(t.Context(), c.WithTimeout(1)) },
		"a table.Live request":             func() error { return live(t.Context(), c.WithRev(3)) },
		"table: the decoder is nil":        func() error { _, err := table.Live[string](t.Context(), c, nil); return err },
	} {
		if err := follow(); !errors.Is(err, kv.ErrInvalid) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

func live(parent context.Context, c table.Request) error {
	v, err := table.Live(parent, c, table.String)
	if v != nil {
		_ = v.Close()
	}
	return err
}

func TestDecodedBytesKeepNothingElse(t *testing.T) {
	pair := &mvccpb.KeyValue{Value: []byte("value")}
	got, err := table.Bytes(pair)
	if clear(pair.Value); err != nil || string(got) != "value" {
		t.Errorf("got %q, %v", got, err)
	}
}
