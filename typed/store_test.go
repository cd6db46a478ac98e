// SPDX-License-Identifier: Apache-2.0

package typed_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/typed"
)

func TestEntryIsWhatTheServersHave(t *testing.T) {
	c := base(t)
	s := numbers(c)
	first, err := s.Put(t.Context(), "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Put(t.Context(), "a", 2)
	if err != nil || second <= first {
		t.Fatalf("put at %d after %d: %v", second, first, err)
	}
	want := typed.Entry[int]{Key: "a", Value: 2, CreateRev: first, ModRev: second, Version: 2}
	if got, err := s.Get(t.Context(), "a"); got != want || err != nil {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	wantValue(t, c, "a", "2")
	past, err := numbers(c.WithRev(first)).Get(t.Context(), "a")
	if err != nil || past.Value != 1 {
		t.Errorf("the past is %+v, %v", past, err)
	}
	if rev, err := s.Delete(t.Context(), "a"); err != nil || rev <= second {
		t.Errorf("deleted at %d, %v", rev, err)
	}
	if got := get(t, c, "a"); got != nil {
		t.Errorf("%v is there after its deletion", got)
	}
}

func TestKeyThatIsNotThereIsErrMissing(t *testing.T) {
	s := numbers(base(t))
	_, getting := s.Get(t.Context(), "a")
	_, deleting := s.Delete(t.Context(), "a")
	for _, err := range []error{getting, deleting} {
		wantFailure(t, err, etcderr.Rejected, typed.ErrMissing)
		if status.Code(err) != codes.NotFound || err.Error() != fmt.Sprintf("typed: no such key: %q", t.Name()+"/a") {
			t.Errorf("%v: %v", status.Code(err), err)
		}
	}
}

func TestCreateWritesOnlyAKeyThatIsNotThere(t *testing.T) {
	c := base(t)
	s := numbers(c)
	rev, err := s.Create(t.Context(), "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Create(t.Context(), "a", 2)
	wantFailure(t, err, etcderr.Rejected, typed.ErrExists)
	if status.Code(err) != codes.AlreadyExists || err.Error() != fmt.Sprintf("typed: the key exists: %q", t.Name()+"/a") {
		t.Errorf("%v: %v", status.Code(err), err)
	}
	if got := get(t, c, "a"); got.GetModRevision() != rev || string(got.GetValue()) != "1" {
		t.Errorf("%v, want 1 of revision %d", got, rev)
	}
}

func TestAllYieldsEachEntryInOrderAtOneRevision(t *testing.T) {
	c := base(t)
	s := numbers(c)
	const n = 600 // more than one page
	for i := range n {
		put(t, c, fmt.Sprintf("%04d", i), fmt.Sprint(i))
	}
	put(t, c, "", "1")                               // the store's own key is no entry
	put(t, typed.New(registry), t.Name()+"0", "100") // the next key after the store
	var keys []string
	for entry, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%04d", entry.Value); entry.Key != want || entry.Version != 1 || entry.ModRev == 0 {
			t.Fatalf("%+v, want the key %s", entry, want)
		}
		if len(keys) == 0 { // what changes now is of a later revision
			put(t, c, "9999", "9999")
			remove(t, c, "0599")
		}
		keys = append(keys, entry.Key)
	}
	if len(keys) != n || !slices.IsSorted(keys) {
		t.Errorf("%d entries, want %d in order", len(keys), n)
	}
	for range s.All(t.Context()) {
		break // which must not yield any more
	}
	for entry := range numbers(c.WithSubKey("none/")).All(t.Context()) {
		t.Errorf("an empty store has %v", entry)
	}
}

func TestAllGoesOnAfterAValueThatDoesNotDecode(t *testing.T) {
	c := base(t)
	for key, value := range map[string]string{"a": "1", "b": "two", "c": "3"} {
		put(t, c, key, value)
	}
	var got []string
	for entry, err := range numbers(c).All(t.Context()) {
		got = append(got, fmt.Sprint(entry.Key, entry.Value, entry.Version, err != nil))
		if err != nil {
			wantCodecError(t, err, t.Name()+"/b")
		}
	}
	if want := []string{"a1 1 false", "b0 1 true", "c3 1 false"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAllEndsWithTheErrorOfARead(t *testing.T) {
	c := base(t)
	rev := put(t, c, "a", "1")
	n := 0
	for entry, err := range numbers(c.WithRev(rev + 1000)).All(t.Context()) {
		n++
		wantFailure(t, err, etcderr.Rejected, etcderr.ErrFutureRev)
		if entry != (typed.Entry[int]{}) {
			t.Errorf("%+v with an error", entry)
		}
	}
	if n != 1 {
		t.Errorf("%d turns of the loop", n)
	}
}

func TestLeaseOfTheStoreIsThatOfItsWrites(t *testing.T) {
	granted, err := lease.Grant(t.Context(), lease.New(registry), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	id := granted.GetID()
	c := base(t)
	free, leased := numbers(c), numbers(c.WithLease(id))
	same := func(old int, there bool) (int, error) { return old, nil }
	for _, err := range []error{
		second(leased.Put(t.Context(), "put", 1)),
		second(leased.Create(t.Context(), "created", 1)),
		second(free.Put(t.Context(), "updated", 1)),
		second(leased.Update(t.Context(), "updated", same)),
		second(leased.Put(t.Context(), "kept", 1)),
		second(free.Update(t.Context(), "kept", same)), // which leaves the lease as it is
		second(leased.Put(t.Context(), "freed", 1)),
		second(free.Put(t.Context(), "freed", 1)), // which does not
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range map[string]int64{"put": id, "created": id, "updated": id, "kept": id, "freed": 0} {
		entry, err := leased.Get(t.Context(), key)
		if err != nil || entry.Lease != want {
			t.Errorf("%s: %+v, %v, want the lease %d", key, entry, err, want)
		}
	}
	if _, err := leased.Delete(t.Context(), "put"); err != nil {
		t.Error(err)
	}
	for _, err := range leased.All(t.Context()) {
		if err != nil {
			t.Error(err)
		}
	}
	_, err = numbers(c.WithLease(12345)).Put(t.Context(), "a", 1)
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrLeaseNotFound)
}

func second[T any](_ T, err error) error { return err }

// The first size is refused by etcd, the second one by the gRPC of its server.
func TestValueThatIsTooLargeIsRefusedWithItsSize(t *testing.T) {
	c := base(t)
	s := typed.Of(c.WithTimeout(time.Minute), typed.JSON[string]())
	for _, size := range []int{1_700_000, 2_500_000} {
		large := strings.Repeat("a", size-len(`""`))
		for what, err := range map[string]error{
			"put":    second(s.Put(t.Context(), "a", large)),
			"create": second(s.Create(t.Context(), "a", large)),
			"update": second(s.Update(t.Context(), "a", func(string, bool) (string, error) { return large, nil })),
		} {
			wantFailure(t, err, etcderr.Rejected, etcderr.ErrRequestTooLarge)
			if want := fmt.Sprintf("typed: the value of %q has %d bytes: ", t.Name()+"/a", size); !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %q does not begin with %q", what, err, want)
			}
		}
	}
	if got := get(t, c, "a"); got != nil {
		t.Errorf("%d bytes were written", len(got.GetValue()))
	}
}

func TestStoresOfOneBaseDoNotAffectEachOther(t *testing.T) {
	c := base(t)
	a, b := numbers(c.WithSubKey("a/")), typed.Of(c.WithSubKey("b/"), typed.JSON[string]())
	if _, err := a.Put(t.Context(), "k", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(t.Context(), "k", "one"); err != nil {
		t.Fatal(err)
	}
	wantValue(t, c, "a/k", "1")
	wantValue(t, c, "b/k", `"one"`)
}
