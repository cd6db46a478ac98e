// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/maintenance"
)

// Status asks each member about itself, so it needs the endpoint.
func Example() {
	ctx := context.Background()
	c, err := conn.Lookup("registry")
	if err != nil {
		log.Fatal(err)
	}
	healthy := 0
	for _, endpoint := range c.Info() {
		status, err := maintenance.Status(ctx, maintenance.New("registry").WithEndpoint(endpoint.Address))
		if err != nil {
			log.Print(err)
			continue
		}
		if status.GetLeader() != 0 && len(status.GetErrors()) == 0 {
			healthy++
		}
	}
	fmt.Printf("%d members are healthy\n", healthy)
	// Output: 3 members are healthy
}

// A backup is a snapshot that is checked against its checksum before it gets its name.
func ExampleSaveSnapshot() {
	folder, err := os.MkdirTemp("", "backup")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	backup := filepath.Join(folder, "backup.db")
	err = maintenance.SaveSnapshot(context.Background(), maintenance.New("registry"), backup, func(done, total int64) {
		if done == total {
			fmt.Println("everything has arrived")
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	if info, err := os.Stat(backup); err == nil && info.Size() > 0 {
		fmt.Println("the backup is there")
	}
	// Output:
	// everything has arrived
	// the backup is there
}

// Alarms stay on after their cause is gone, until they are turned off.
func ExampleAlarmDisarmAll() {
	off, err := maintenance.AlarmDisarmAll(context.Background(), maintenance.New("registry"))
	if err != nil {
		log.Fatal(err)
	}
	for _, alarm := range off.GetAlarms() {
		fmt.Printf("%v of member %x\n", alarm.GetAlarm(), alarm.GetMemberID())
	}
	fmt.Println("all alarms are off")
	// Output: all alarms are off
}
