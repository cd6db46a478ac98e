// SPDX-License-Identifier: Apache-2.0

package typed_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/typed"
)

// call is one of the methods of a store.
type call func(parent context.Context, s typed.Store[int], key string) error

var calls = map[string]call{
	"Get":    func(p context.Context, s typed.Store[int], key string) error { return second(s.Get(p, key)) },
	"Put":    func(p context.Context, s typed.Store[int], key string) error { return second(s.Put(p, key, 1)) },
	"Create": func(p context.Context, s typed.Store[int], key string) error { return second(s.Create(p, key, 1)) },
	"Delete": func(p context.Context, s typed.Store[int], key string) error { return second(s.Delete(p, key)) },
	"Update": func(p context.Context, s typed.Store[int], key string) error {
		return second(s.Update(p, key, func(int, bool) (int, error) { panic("the function was called") }))
	},
	"All": func(p context.Context, s typed.Store[int], _ string) error {
		for _, err := range s.All(p) {
			return err
		}
		return nil
	},
}

func TestStoreThatMakesNoSenseIsRefusedByEachMethod(t *testing.T) {
	c := typed.New(registry).WithKey("refused/")
	for what, tt := range map[string]struct {
		c    typed.Request
		want string
	}{
		"a prefix":       {c.WithPrefix(), "ctx: WithPrefix does not apply to "},
		"a range":        {c.WithRangeEnd("z"), "ctx: WithRangeEnd does not apply to "},
		"from a key on":  {c.WithFromKey(), "ctx: WithFromKey does not apply to "},
		"a value":        {c.WithValue("v"), "ctx: WithValue does not apply to "},
		"previous pairs": {c.WithPrevKV(), "ctx: WithPrevKV does not apply to "},
		"a kept lease":   {c.WithIgnoreLease(), "ctx: WithIgnoreLease does not apply to "},
		"a limit":        {c.WithLimit(1), "ctx: WithLimit does not apply to "},
		"a name":         {c.WithName("n"), "ctx: WithName does not apply to "},
		"no unit":        {c.WithTimeout(5), "ctx: WithTimeout(5ns) is below 1ms in "},
	} {
		for method, call := range calls {
			t.Run(what+" "+method, func(t *testing.T) {
				request := "a write of a typed store"
				if method == "Get" || method == "All" {
					request = "a typed store"
				}
				wantInvalid(t, call(t.Context(), numbers(tt.c), "k"), tt.want+request)
			})
		}
	}
}

func TestStoreOfThePastCannotBeWritten(t *testing.T) {
	c := base(t)
	rev := put(t, c, "k", "1")
	for method, call := range calls {
		if err := call(t.Context(), numbers(c.WithRev(rev)), "k"); method == "Get" || method == "All" {
			if err != nil {
				t.Errorf("%s: %v", method, err)
			}
		} else {
			wantInvalid(t, err, "ctx: WithRev does not apply to a write of a typed store")
		}
	}
	for _, method := range []string{"Get", "All"} {
		wantInvalid(t, calls[method](t.Context(), numbers(c.WithRev(-1)), "k"), "ctx: WithRev(-1) is negative in a typed store")
	}
}

func TestAllMistakesAreToldInOneError(t *testing.T) {
	var nobody context.Context
	for method, call := range calls {
		want := []string{
			"ctx: WithPrefix does not apply to a write of a typed store", "typed: the parent context is nil", "typed: the codec is nil",
			"typed: the key is empty",
		}
		switch method {
		case "Get":
			want[0] = "ctx: WithPrefix does not apply to a typed store"
		case "All":
			want = slices.Insert(slices.Clone(want[1:3]), 0, "ctx: WithPrefix does not apply to a typed store")
		}
		wantInvalid(t, call(nobody, typed.Of[int](typed.New(registry).WithPrefix(), nil), ""), want...)
	}
	_, err := numbers(typed.New(registry)).Update(t.Context(), "k", nil)
	wantInvalid(t, err, "typed: the function of the update is nil")
}

func TestEmptyKeyIsNotTheKeyOfTheStore(t *testing.T) {
	c := base(t)
	put(t, c, "", "1")
	for method, call := range calls {
		if method != "All" {
			wantInvalid(t, call(t.Context(), numbers(c), ""), "typed: the key is empty")
		}
	}
	wantValue(t, c, "", "1")
}

func TestStoreOfNoOpenConnectionIsRefused(t *testing.T) {
	for method, call := range calls {
		for _, c := range []typed.Request{{}, typed.New("nowhere")} {
			err := call(t.Context(), numbers(c), "k")
			if !errors.Is(err, conn.ErrNotOpen) || etcderr.OutcomeOf(err) != etcderr.NotSent {
				t.Errorf("%s: %v", method, err)
			}
		}
	}
}

func TestTimeAndMemberOfTheStoreAreThoseOfItsRequests(t *testing.T) {
	c := base(t)
	put(t, c, "k", "1")
	for method, call := range calls {
		err := call(t.Context(), numbers(c.WithEndpoint("127.0.0.1:1")), "k")
		if !errors.Is(err, conn.ErrEndpoint) {
			t.Errorf("%s at another endpoint: %v", method, err)
		}
		parent, cancel := context.WithCancel(t.Context())
		cancel()
		if err := call(parent, numbers(c), "k"); !errors.Is(err, context.Canceled) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("%s in a context that has ended: %v", method, err)
		}
	}
	if _, err := numbers(c.WithSerializable().WithEndpoint(cluster.Endpoints()[0])).Get(t.Context(), "k"); err != nil {
		t.Error(err)
	}
}
