// SPDX-License-Identifier: Apache-2.0

package typed_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/typed"
)

func wantCodecError(t *testing.T, err error, key string) *typed.CodecError {
	t.Helper()
	wantFailure(t, err, etcderr.NotSent)
	var failed *typed.CodecError
	if !errors.As(err, &failed) {
		t.Fatalf("%T: %v", err, err)
	}
	if failed.Key != key || failed.Err == nil {
		t.Errorf("%+v, want the key %q", failed, key)
	}
	return failed
}

type account struct {
	Owner   string            `json:"owner"`
	Balance int8              `json:"balance"`
	Tags    map[string]string `json:"tags,omitempty"`
	Opened  *time.Time        `json:"opened,omitempty"`
}

func TestJSONIsWhatOtherProgramsReadAndWrite(t *testing.T) {
	c := base(t)
	s := typed.Of(c, typed.JSON[account]())
	want := account{Owner: "ann", Balance: 5, Tags: map[string]string{"<a>": "b"}}
	if _, err := s.Put(t.Context(), "a", want); err != nil {
		t.Fatal(err)
	}
	var raw account
	if err := json.Unmarshal(get(t, c, "a").GetValue(), &raw); err != nil || !reflect.DeepEqual(raw, want) {
		t.Errorf("%+v, %v", raw, err)
	}
	put(t, c, "b", ` {"owner": "bob", "new": [1]} `)
	if got, err := s.Get(t.Context(), "b"); err != nil || got.Value.Owner != "bob" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestJSONThatDoesNotFitIsToldWithoutTheData(t *testing.T) {
	c := base(t)
	for value, want := range map[string]string{
		``:                                      "JSON syntax error after 0 bytes",
		`{"owner": secret}`:                     "JSON syntax error after 11 bytes",
		`{"owner": "a"} secret`:                 "JSON syntax error after 16 bytes",
		`{"owner": "a", "balance": 424242}`:     "JSON number does not fit the field balance of type int8, after ",
		`{"owner": "a", "balance": "secret"}`:   "JSON string does not fit the field balance of type int8, after ",
		`["secret"]`:                            "JSON array does not fit the type typed_test.account, after 1 bytes",
		`{"opened": "secret"}`:                  "the JSON does not fit the type typed_test.account",
		"{\"owner\": \"a\", \"tags\":\"\nse\"}": "JSON syntax error after ",
	} {
		put(t, c, "a", value)
		entry, err := typed.Of(c, typed.JSON[account]()).Get(t.Context(), "a")
		failed := wantCodecError(t, err, t.Name()+"/a")
		if text := err.Error(); !strings.Contains(text, want) || strings.Contains(text, "secret") || strings.Contains(text, "4242") {
			t.Errorf("%q for %q, want %q", text, value, want)
		}
		if errors.Unwrap(failed.Err) == nil {
			t.Errorf("the error of encoding/json is not in %#v", failed.Err)
		}
		if !reflect.DeepEqual(entry.Value, account{}) || entry.Key != "a" || entry.ModRev == 0 {
			t.Errorf("%+v with an error", entry)
		}
	}
}

func TestValueThatDoesNotEncodeIsNotWritten(t *testing.T) {
	c := base(t)
	s := typed.Of(c, typed.JSON[float64]())
	for _, err := range []error{
		second(s.Put(t.Context(), "a", math.NaN())),
		second(s.Create(t.Context(), "a", math.Inf(1))),
		second(s.Update(t.Context(), "a", func(float64, bool) (float64, error) { return math.NaN(), nil })),
	} {
		wantCodecError(t, err, t.Name()+"/a")
		if !strings.HasPrefix(err.Error(), "typed: encode ") {
			t.Error(err)
		}
	}
	if got := get(t, c, "a"); got != nil {
		t.Errorf("%v was written", got)
	}
}

func TestProtoKeepsMessages(t *testing.T) {
	c := base(t)
	s := typed.Of(c, typed.Proto[*mvccpb.KeyValue]())
	want := &mvccpb.KeyValue{Key: []byte("k"), Version: 3}
	if _, err := s.Create(t.Context(), "a", want); err != nil {
		t.Fatal(err)
	}
	entry, err := s.Update(t.Context(), "a", func(old *mvccpb.KeyValue, there bool) (*mvccpb.KeyValue, error) {
		if !there || !proto.Equal(old, want) {
			t.Errorf("%v, %t, want %v", old, there, want)
		}
		old.Version++
		return old, nil
	})
	if err != nil || entry.Value.GetVersion() != 4 {
		t.Errorf("%+v, %v", entry, err)
	}
	if got, err := s.Get(t.Context(), "a"); err != nil || got.Value.GetVersion() != 4 || string(got.Value.GetKey()) != "k" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestProtoRefusesWhatIsNoMessage(t *testing.T) {
	c := base(t)
	s := typed.Of(c, typed.Proto[*mvccpb.KeyValue]())
	_, err := s.Put(t.Context(), "a", nil)
	wantCodecError(t, err, t.Name()+"/a")
	put(t, c, "a", "\xff")
	_, err = s.Get(t.Context(), "a")
	wantCodecError(t, err, t.Name()+"/a")

	any := typed.Of(c, typed.Proto[proto.Message]())
	_, err = any.Put(t.Context(), "a", nil)
	wantCodecError(t, err, t.Name()+"/a")
	_, err = any.Get(t.Context(), "a")
	if failed := wantCodecError(t, err, t.Name()+"/a"); failed.Err.Error() != "protoreflect.ProtoMessage is no type of generated messages" {
		t.Error(failed)
	}
}

// broken is a codec that fails as it is told to.
type broken struct{ fail func() error }

func (b broken) Encode(int) ([]byte, error) { return nil, b.fail() }
func (b broken) Decode([]byte) (int, error) { return 7, b.fail() }

func TestCodecThatFailsOrPanicsIsAnErrorOfEachMethod(t *testing.T) {
	reason := errors.New("no\nway")
	var nowhere *int
	for what, tt := range map[string]struct {
		fail  func() error
		text  string
		panic bool
	}{
		"an error":              {func() error { return reason }, "no way", false},
		"a panic with an error": {func() error { panic(reason) }, "the codec panicked: no way", true},
		"a panic with a text":   {func() error { panic("no way") }, "the codec panicked: no way", true},
		"a fault":               {func() error { *nowhere = 1; return nil }, "the codec panicked: runtime error: ", true},
	} {
		for method, call := range calls {
			if method == "Delete" {
				continue // which needs no codec
			}
			t.Run(what+" "+method, func(t *testing.T) {
				c := base(t)
				put(t, c, "k", "1")
				err := call(t.Context(), typed.Of(c, broken{tt.fail}), "k")
				failed := wantCodecError(t, err, t.Name()+"/k")
				if !strings.Contains(err.Error(), tt.text) || (failed.Stack != "") != tt.panic {
					t.Errorf("%v, stack: %q", err, failed.Stack)
				}
				if errors.Is(err, reason) != strings.Contains(what, "error") {
					t.Errorf("%v is %v: %t", err, reason, errors.Is(err, reason))
				}
				wantValue(t, c, "k", "1")
			})
		}
	}
}

// FuzzJSON checks that what decodes comes back from its encoding, and that no error shows the data.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"owner":"a","balance":1}`, `{"owner":1}`, `{"opened":"x"}`, `[`, ``, `null`, `{"tags":{"a":null}}`} {
		f.Add(seed)
	}
	codec := typed.JSON[account]()
	f.Fuzz(func(t *testing.T, data string) {
		value, err := codec.Decode([]byte(data))
		if err != nil {
			const secret = "SECRET"
			if strings.Contains(data, `"x"`) {
				_, err = codec.Decode([]byte(strings.ReplaceAll(data, `"x"`, `"`+secret+`"`)))
			}
			if err != nil && strings.Contains(err.Error(), secret) && !strings.Contains(data, secret) {
				t.Errorf("%q shows the data", err)
			}
			return
		}
		again, err := codec.Encode(value)
		if err != nil {
			t.Fatalf("%q is decoded as %+v, which does not encode: %v", data, value, err)
		}
		if back, err := codec.Decode(again); err != nil || !reflect.DeepEqual(back.Owner, value.Owner) || back.Balance != value.Balance || len(back.Tags) != len(value.Tags) {
			t.Errorf("%q is decoded as %+v, and %q as %+v, %v", data, value, again, back, err)
		}
	})
}
