// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// register models one key of a linearizable cluster. Its state is the value.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, one := range history {
			key := one.Input.(operation).key
			byKey[key] = append(byKey[key], one)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, _ any) (bool, any) {
		value, o := state.(string), input.(operation)
		if o.kind == put {
			return true, o.id
		}
		if o.sees() {
			// A swap or remove that was not applied must not have found its wanted value.
			return o.value == value && (o.kind == get || o.want != value), value
		}
		if o.kind == swap {
			return o.want == value, o.id
		}
		return o.want == value, ""
	},
	DescribeOperation: func(input, _ any) string { return input.(operation).String() },
}

// checkTimeout bounds a search that usually takes well under a second, but has no bound in the worst case.
const checkTimeout = 2 * time.Minute

// linearizable asks porcupine for an order in which a single copy of the keys could have carried the operations out.
// All of them must have taken effect.
func linearizable(history []porcupine.Operation) (porcupine.CheckResult, porcupine.LinearizationInfo) {
	return porcupine.CheckOperationsVerbose(register, history, checkTimeout)
}

// mustBeLinearizable draws a history that is not linearizable, in a file that outlives the test.
func mustBeLinearizable(t *testing.T, history []porcupine.Operation) {
	t.Helper()
	result, info := linearizable(history)
	if result == porcupine.Ok {
		return
	}
	dir, err := os.MkdirTemp("", "eetcd-history-")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "history.html")
	if err := porcupine.VisualizePath(register, info, path); err != nil {
		t.Error(err)
	}
	t.Errorf("the history is not linearizable (%s): see %s", result, path)
}
