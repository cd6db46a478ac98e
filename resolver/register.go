// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/presence"
)

// Register announces an instance of the service that WithKey names, and keeps it registered until [presence.Presence.Leave] or
// the end of parent. It is a [presence.Keep] under a key of the instance's own: the name of the service, the address and a random
// part, with slashes in between. So a process that starts again at its old address is registered at once, also while the key of
// its predecessor still waits for the end of its TTL. A resolver shows an address once, by the newest of its keys.
//
// Register returns once the key is there. WithTimeout and parent bound that wait. The ttl is how long an instance stays listed after a
// crash. It is rounded up to whole seconds, and is at least about 2 s. To change the registration, call [presence.Presence.Set] with
// the JSON of another Instance. To set options of presence.Keep, such as a shared lease, or to choose the key, call presence.Keep
// with that JSON as the value.
//
// kv.ErrInvalid is returned for a request without a key, an instance without Addr or with Metadata that has no JSON, and a ttl below
// 1 ms. Register sends what presence.Keep does.
func Register(parent context.Context, c Request, i Instance, ttl time.Duration) (*presence.Presence, error) {
	err := render.Check(c, "a resolver.Register request", sealed.OptKey)
	service, name := strings.TrimSuffix(sealed.Ctx(c).Key(), "/"), ""
	if service == "" {
		err = render.AlsoInvalid(err, "resolver: to register needs WithKey, the name of a service")
	}
	if i.Addr == "" {
		err = render.AlsoInvalid(err, "resolver: the instance has no Addr")
	}
	value, unfit := json.Marshal(i)
	if unfit != nil {
		err = render.AlsoInvalid(err, "resolver: the instance is not for JSON: "+reason(unfit))
	}
	name = fmt.Sprintf("%s/%s/%08x", service, i.Addr, rand.Uint32())
	if err != nil {
		return nil, err
	}
	return presence.Keep(parent, c.WithKey(name).WithValue(string(value)), ttl)
}

// reason is why a value could not be encoded.
func reason(err error) string {
	var wrapped *json.MarshalerError
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return err.Error()
}
