// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/gen/authpb"
	"github.com/eetcd-go/eetcd/kv"
)

// A user may read the keys below config/, and nothing else once auth.Enable has been called.
func Example() {
	ctx := context.Background()
	registry := auth.New("registry") // conn.Open has opened "registry"
	if _, err := auth.RoleAdd(ctx, registry, "reader"); err != nil {
		log.Fatal(err)
	}
	defer auth.RoleDelete(ctx, registry, "reader")
	_, err := auth.RoleGrantPermission(ctx, registry, "reader", "config/", kv.PrefixEnd("config/"), authpb.Permission_READ)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := auth.UserAdd(ctx, registry, "app", "a password"); err != nil {
		log.Fatal(err)
	}
	defer auth.UserDelete(ctx, registry, "app")
	if _, err := auth.UserGrantRole(ctx, registry, "app", "reader"); err != nil {
		log.Fatal(err)
	}

	user, err := auth.UserGet(ctx, registry, "app")
	if err != nil {
		log.Fatal(err)
	}
	for _, role := range user.GetRoles() {
		allowed, err := auth.RoleGet(ctx, registry, role)
		if err != nil {
			log.Fatal(err)
		}
		for _, p := range allowed.GetPerm() {
			fmt.Printf("as %s app may %v from %s to %s\n", role, p.GetPermType(), p.GetKey(), p.GetRangeEnd())
		}
	}
	// Output: as reader app may READ from config/ to config0
}
