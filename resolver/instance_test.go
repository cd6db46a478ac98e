// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/eetcd-go/eetcd/resolver"
)

func TestInstanceIsTheJSONOfEtcdsNamingPackage(t *testing.T) {
	for text, i := range map[string]resolver.Instance{
		`{"Op":0,"Addr":"h:1","Metadata":null}`:                             {Addr: "h:1"},
		`{"Op":0,"Addr":"h:1","Metadata":"text"}`:                           {Addr: "h:1", Metadata: "text"},
		`{"Op":0,"Addr":"h:1","Metadata":[1,"two"]}`:                        {Addr: "h:1", Metadata: []any{1.0, "two"}},
		`{"Op":0,"Addr":"h:1","Metadata":{}}`:                               {Addr: "h:1", Metadata: map[string]any{}},
		`{"Op":0,"Addr":"h:1","Metadata":{"weight":3}}`:                     {Addr: "h:1", Weight: 3},
		`{"Op":0,"Addr":"h:1","Metadata":{"weight":4294967295,"zone":"a"}}`: {Addr: "h:1", Weight: math.MaxUint32, Zone: "a"},
		`{"Op":0,"Addr":"h:1","Metadata":{"version":2,"zone":"a"}}`:         {Addr: "h:1", Zone: "a", Metadata: map[string]any{"version": 2.0}},
		`{"Op":0,"Addr":"h:1","Metadata":{"weight":"3","zone":1}}`:          {Addr: "h:1", Metadata: map[string]any{"weight": "3", "zone": 1.0}},
		`{"Op":0,"Addr":"h:1","Metadata":{"weight":-1}}`:                    {Addr: "h:1", Metadata: map[string]any{"weight": -1.0}},
		`{"Op":0,"Addr":"h:1","Metadata":{"weight":1.5}}`:                   {Addr: "h:1", Metadata: map[string]any{"weight": 1.5}},
	} {
		if got := encode(t, i); got != text {
			t.Errorf("%+v is written as %s, want %s", i, got, text)
		}
		var got resolver.Instance
		if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, i) {
			t.Errorf("%s is read as %#v, %v, want %#v", text, got, err, i)
		}
	}
}

func TestWeightAndZoneJoinMetadataOfAnyType(t *testing.T) {
	metadata := struct {
		Version string `json:"version"`
		Weight  int    `json:"weight"`
	}{"2", 7}
	i := resolver.Instance{Addr: "h:1", Metadata: metadata, Weight: 3}
	if got, want := encode(t, i), `{"Op":0,"Addr":"h:1","Metadata":{"version":"2","weight":3}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	shared := map[string]any{"version": "2"}
	encode(t, resolver.Instance{Addr: "h:1", Metadata: shared, Zone: "a"})
	if len(shared) != 1 {
		t.Errorf("the metadata of the caller is %v", shared)
	}
}

func TestInstanceOfAnotherProgramIsReadInto(t *testing.T) {
	was := resolver.Instance{Addr: "h:1", Weight: 3, Zone: "a", Metadata: "m"}
	got := was
	if err := json.Unmarshal([]byte("null"), &got); err != nil || got != was {
		t.Errorf("null makes it %+v, %v", got, err)
	}
	if err := json.Unmarshal([]byte(`{"Addr":"h:2"}`), &got); err != nil || got != (resolver.Instance{Addr: "h:2"}) {
		t.Errorf("what is not there is kept: %+v, %v", got, err)
	}
	for _, bad := range []string{`{"Addr":1}`, `"h:1"`, `[]`, `{`} {
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%s is read as %+v", bad, got)
		}
	}
}

// FuzzInstance checks that what was read is written so that it is read as the same.
func FuzzInstance(f *testing.F) {
	f.Add([]byte(`{"Op":0,"Addr":"h:1","Metadata":{"weight":3,"zone":"a","version":"2"}}`))
	f.Add([]byte(`{"Addr":"h:1","Metadata":{"weight":1.5,"zone":""}}`))
	f.Add([]byte(`{"Metadata":[null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, again resolver.Instance
		if json.Unmarshal(text, &first) != nil {
			return
		}
		written, err := json.Marshal(first)
		if err != nil {
			t.Fatalf("%q is read as %#v, which cannot be written: %v", text, first, err)
		}
		if err := json.Unmarshal(written, &again); err != nil || !reflect.DeepEqual(again, first) {
			t.Errorf("%q is read as %#v, and written and read again as %#v: %v", text, first, again, err)
		}
	})
}
