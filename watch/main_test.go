// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"testing"

	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// TestMain has a member run for the examples.
func TestMain(m *testing.M) { onecluster.Main(m, "registry", nil) }
