// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"context"
	"log"
	"os"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/authpb"
)

// Turn access control on, with a user who may read what begins with "config/".
func Example() {
	parent := context.Background()
	registry, err := conn.Open(parent, "registry", []string{"127.0.0.1:2379", "127.0.0.1:2479", "127.0.0.1:2579"})
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()

	c := auth.New("registry")
	if _, err := auth.UserAdd(parent, c, "root", os.Getenv("ROOT_PASSWORD")); err != nil {
		log.Print(err)
		return
	}
	if _, err := auth.UserGrantRole(parent, c, "root", "root"); err != nil {
		log.Print(err)
		return
	}
	if _, err := auth.RoleAdd(parent, c, "reader"); err != nil {
		log.Print(err)
		return
	}
	_, err = auth.RoleGrantPermission(parent, c, "reader", "config/", ctx.PrefixEnd("config/"), authpb.Permission_READ)
	if err != nil {
		log.Print(err)
		return
	}
	if _, err := auth.UserAdd(parent, c, "app", os.Getenv("APP_PASSWORD")); err != nil {
		log.Print(err)
		return
	}
	if _, err := auth.UserGrantRole(parent, c, "app", "reader"); err != nil {
		log.Print(err)
		return
	}
	if _, err := auth.Enable(parent, c); err != nil {
		log.Print(err)
	}
}
