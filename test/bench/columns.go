// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/test/internal/bench"
)

var columns = []bench.Column[sample]{
	{Name: "time/op", Of: func(s sample) float64 { return s.wait }, Print: seconds},
	{Name: "p99", Of: func(s sample) float64 { return s.p99 }, Print: seconds, Row: true},
	{Name: "op/s", Of: func(s sample) float64 { return s.rate }, Print: bench.Fixed(0), Row: true},
	{Name: "objects/op", Of: func(s sample) float64 { return s.objects }, Print: bench.Fixed(1), Row: true},
	{Name: "bytes/op", Of: func(s sample) float64 { return s.bytes }, Print: bench.Fixed(0)},
	{Name: "cpu/op", Of: func(s sample) float64 { return s.cpu }, Print: seconds, Row: true},
}

func seconds(v float64) string {
	d := time.Duration(v * float64(time.Second))
	if d >= time.Millisecond {
		return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.1f us", d.Seconds()*1e6)
}
