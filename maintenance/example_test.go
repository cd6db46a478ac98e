// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/maintenance"
)

// Look at each member, and save a snapshot.
func Example() {
	ctx := context.Background()
	registry, err := conn.Open(ctx, "registry", []string{"127.0.0.1:2379", "127.0.0.1:2479", "127.0.0.1:2579"})
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()

	c := maintenance.New("registry")
	for _, endpoint := range registry.Info() {
		status, err := maintenance.Status(ctx, c.WithEndpoint(endpoint.Address))
		if err != nil {
			log.Print(err)
			continue
		}
		fmt.Println(endpoint.Address, status.GetVersion(), status.GetDbSize(), "bytes", status.GetErrors())
	}
	err = maintenance.SaveSnapshot(ctx, c, "backup.db", func(done, total int64) {
		fmt.Printf("%d of %d bytes\n", done, total)
	})
	if err != nil {
		log.Print(err)
	}
}

// Turn off all alarms once their cause is mended.
func ExampleAlarmDisarmAll() {
	off, err := maintenance.AlarmDisarmAll(context.Background(), maintenance.New("registry"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, alarm := range off.GetAlarms() {
		fmt.Printf("%v of member %x\n", alarm.GetAlarm(), alarm.GetMemberID())
	}
	// Output: conn: not open: "registry"
}
