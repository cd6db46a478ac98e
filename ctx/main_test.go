// SPDX-License-Identifier: Apache-2.0

package ctx_test

import (
	"testing"

	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// TestMain starts a member for the examples.
func TestMain(m *testing.M) { onecluster.Main(m, "registry", nil) }
