// SPDX-License-Identifier: Apache-2.0

package wait_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"weak"

	"github.com/eetcd-go/eetcd/internal/wait"
)

func TestErrandRunsOnceMoreForAllThatAskDuringARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		turn := make(chan struct{})
		e := wait.NewErrand(func() {
			runs++
			<-turn
		})
		for want := 1; want <= 3; want += 2 {
			e.Run()
			synctest.Wait()
			e.Run()
			e.Run()
			synctest.Wait()
			if runs != want {
				t.Fatalf("%d runs, want %d while one is under way", runs, want)
			}
			turn <- struct{}{}
			synctest.Wait()
			if runs != want+1 {
				t.Fatalf("%d runs, want another one", runs)
			}
			turn <- struct{}{}
			synctest.Wait()
			if runs != want+1 {
				t.Fatalf("%d runs, want no more than were asked for", runs)
			}
		}
	})
}

func TestErrandStopWaitsForTheRunUnderWayAndAllowsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		turn := make(chan struct{})
		e := wait.NewErrand(func() {
			runs++
			<-turn
		})
		e.Run()
		e.Run()
		stopped := make(chan struct{})
		go func() {
			e.Stop()
			close(stopped)
		}()
		synctest.Wait()
		select {
		case <-stopped:
			t.Fatal("Stop did not wait for the run under way")
		default:
		}
		turn <- struct{}{}
		<-stopped
		e.Run()
		synctest.Wait()
		if runs != 1 {
			t.Errorf("%d runs, want 1", runs)
		}
	})
}

func TestErrandGoesOnAfterARunThatEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		turn := make(chan struct{})
		e := wait.NewErrand(func() {
			runs++
			<-turn
			runtime.Goexit() // as t.FailNow in a log handler
		})
		e.Run()
		e.Run()
		turn <- struct{}{}
		turn <- struct{}{}
		synctest.Wait()
		e.Run()
		turn <- struct{}{}
		e.Stop()
		if runs != 3 {
			t.Errorf("%d runs, want each that was asked for", runs)
		}
	})
}

func TestStoppedErrandKeepsNothingReachable(t *testing.T) {
	e, stream := func() (*wait.Errand, weak.Pointer[[1024]byte]) {
		stream := new([1024]byte)
		return wait.NewErrand(func() { stream[0]++ }), weak.Make(stream)
	}()
	e.Run()
	runtime.GC()
	if stream.Value() == nil {
		t.Error("it is gone before the end")
	}
	e.Stop()
	runtime.GC()
	if stream.Value() != nil {
		t.Error("what the function refers to is still reachable")
	}
	runtime.KeepAlive(e)
}
