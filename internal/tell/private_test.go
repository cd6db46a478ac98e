// SPDX-License-Identifier: Apache-2.0

package tell_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/eetcd-go/eetcd/internal/tell"
)

func TestPublicShowsNothingOfAPrivateError(t *testing.T) {
	why := errors.New("secret")
	private := fmt.Errorf("outer: %w", tell.Private(why, "it failed"))
	if text := tell.Public(private); text != "it failed" {
		t.Errorf("public: %q", text)
	}
	if private.Error() != "outer: secret" || !errors.Is(private, why) {
		t.Errorf("for the caller: %v", private)
	}
	if text := tell.Public(errors.New("two\nlines")); text != "two lines" {
		t.Errorf("no secret: %q", text)
	}
	if text := tell.Public(nil); text != "" {
		t.Errorf("no error: %q", text)
	}
}

func TestAsPrivateFindsNothingElse(t *testing.T) {
	var other *fs.PathError
	if err := fmt.Errorf("outer: %w", &fs.PathError{Err: errors.New("secret")}); tell.AsPrivate(err, &other) {
		t.Errorf("got %v", other)
	}
}
