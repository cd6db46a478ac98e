// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"math/rand/v2"
)

// lives are several contexts that end with one life. A context has one lock for all functions that wait for its end, and each call of
// a namespace takes it twice. So the calls spread over several.
type lives [16]context.Context

func livesOf(life context.Context) *lives {
	l := &lives{}
	for i := range l {
		one, end := context.WithCancel(context.Background())
		context.AfterFunc(life, end)
		l[i] = one
	}
	return l
}

// one returns any of the contexts.
func (l *lives) one() context.Context { return l[rand.IntN(len(l))] }
