// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// Unbound returns the same request without connection, timeout and endpoint.
func Unbound(c ctx.Ctx) ctx.Ctx {
	r := open(&c)
	r.Given &^= callOptions
	r.Conn, r.Endpoint, r.Timeout = "", "", 0
	return c
}

// Apart returns a sentence for each way in which c, as an operation, contradicts its transaction. Its connection and
// endpoint must be unset or those of the transaction. Its timeout is ignored.
func Apart(c, transaction ctx.Ctx) (conflicts []string) {
	r, t := open(&c), open(&transaction)
	if r.Conn != "" && r.Conn != t.Conn {
		conflicts = append(conflicts, fmt.Sprintf("WithConn(%q) is not the transaction's connection %q", r.Conn, t.Conn))
	}
	switch {
	case !r.Has(sealed.OptEndpoint):
	case !t.Has(sealed.OptEndpoint):
		conflicts = append(conflicts,
			fmt.Sprintf("WithEndpoint(%q) is in a transaction without WithEndpoint", tell.Endpoint(r.Endpoint)))
	case r.Endpoint != t.Endpoint:
		conflicts = append(conflicts, fmt.Sprintf("WithEndpoint(%q) is not the transaction's endpoint %q",
			tell.Endpoint(r.Endpoint), tell.Endpoint(t.Endpoint)))
	}
	return conflicts
}
