// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"context"
	"log"
	"os"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/gen/authpb"
	"github.com/eetcd-go/eetcd/kv"
)

// Turn access control on, with a user who may read what begins with "config/".
func Example() {
	ctx := context.Background()
	registry, err := conn.Open(ctx, "registry", []string{"127.0.0.1:2379", "127.0.0.1:2479", "127.0.0.1:2579"})
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()

	c := auth.New("registry")
	if _, err := auth.UserAdd(ctx, c, "root", os.Getenv("ROOT_PASSWORD")); err != nil {
		log.Print(err)
		return
	}
	if _, err := auth.UserGrantRole(ctx, c, "root", "root"); err != nil {
		log.Print(err)
		return
	}
	if _, err := auth.RoleAdd(ctx, c, "reader"); err != nil {
		log.Print(err)
		return
	}
	_, err = auth.RoleGrantPermission(ctx, c, "reader", "config/", kv.PrefixEnd("config/"), authpb.Permission_READ)
	if err != nil {
		log.Print(err)
		return
	}
	if _, err := auth.UserAdd(ctx, c, "app", os.Getenv("APP_PASSWORD")); err != nil {
		log.Print(err)
		return
	}
	if _, err := auth.UserGrantRole(ctx, c, "app", "reader"); err != nil {
		log.Print(err)
		return
	}
	if _, err := auth.Enable(ctx, c); err != nil {
		log.Print(err)
	}
}
