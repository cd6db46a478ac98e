// SPDX-License-Identifier: Apache-2.0

package debug_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/presence"
	"github.com/eetcd-go/eetcd/watch"
)

func TestNoKeyNoValueAndNoSecretIsShown(t *testing.T) {
	c := onecluster.Open(t, "", cluster.Endpoints(), conn.WithCredentials("marked-user", markedPassword))
	busy(t, c)
	name := c.Name()
	slow, err := watch.Watch(t.Context(), watch.New(name).WithKey(name+"/").WithPrefix(), watch.WithBuffer(1))
	if err != nil {
		t.Fatal(err)
	}
	onecluster.Eventually(t, patience, "a watch with a full buffer", func() error {
		if _, err := kv.Put(t.Context(), kv.New(name).WithKey(name+"/"+markedKey).WithValue(markedValue)); err != nil {
			return err
		}
		if !slow.Status().Parked {
			return errors.New("it is not full")
		}
		return nil
	})
	onecluster.Eventually(t, patience, "all that the connection has", func() error {
		now := shown(t, name)
		if len(now.Claims) != 3 || len(now.Presences) != 1 {
			return fmt.Errorf("it has %+v", now)
		}
		return nil
	})
	for _, format := range []string{"json", "html"} {
		answer := ask(http.MethodGet, "/?format="+format)
		text := fmt.Sprint(answer.Header(), answer.Body)
		if !strings.Contains(text, name+"-lock") {
			t.Errorf("the %s does not show the connection: %s", format, text)
		}
		for _, marked := range []string{markedKey, markedValue, markedPassword, "marked-user"} {
			if strings.Contains(text, marked) {
				t.Errorf("%q in the %s: %s", marked, format, text)
			}
		}
	}
}

// secretive is an error with a secret in its text.
type secretive struct{}

func (secretive) Error() string { return "no user for " + markedPassword }

func TestAFailureOfTheCredentialsFunctionIsShownWithoutItsText(t *testing.T) {
	for kind, f := range map[string]func(context.Context) (string, string, error){
		"secretive": func(context.Context) (string, string, error) { return "", "", secretive{} },
		"string":    func(context.Context) (string, string, error) { panic(markedPassword) },
	} {
		t.Run(kind, func(t *testing.T) {
			c := onecluster.Open(t, "", cluster.Endpoints(), conn.WithLazy(), conn.WithCredentialsFunc(f))
			onecluster.Eventually(t, patience, "the failure", func() error {
				if e := shown(t, c.Name()).Endpoints[0]; !strings.HasPrefix(e.Reason, "credentials: ") || !strings.HasSuffix(e.Reason, kind) {
					return fmt.Errorf("the reason is %q", e.Reason)
				}
				return nil
			})
			// A watch and a presence that wait for the endpoint have the reason too.
			ctx, stop := context.WithCancel(t.Context())
			var waiting sync.WaitGroup
			waiting.Go(func() { _, _ = watch.Watch(ctx, watch.New(c.Name()).WithKey("k")) })
			waiting.Go(func() { _, _ = presence.Keep(ctx, presence.New(c.Name()).WithKey("k").WithValue("v"), time.Minute) })
			defer waiting.Wait()
			defer stop()
			onecluster.Eventually(t, patience, "what waits", func() error {
				if now := shown(t, c.Name()); len(now.Presences) != 1 || len(now.Watches) != 1 {
					return fmt.Errorf("there is %+v", now)
				}
				return nil
			})
			var table strings.Builder
			if err := conn.WriteInfo(&table); err != nil {
				t.Fatal(err)
			}
			for what, text := range map[string]string{
				"page": ask(http.MethodGet, "/").Body.String(), "JSON": ask(http.MethodGet, "/?format=json").Body.String(), "table": table.String(),
			} {
				if strings.Contains(text, markedPassword) {
					t.Errorf("the %s shows a secret: %s", what, text)
				}
			}
		})
	}
}

func TestNamesAreTextAndNothingElse(t *testing.T) {
	const hostile = `<script>alert("1")</script><b x='">&amp;`
	granted, err := lease.Grant(t.Context(), lease.New(registry), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Lock(t.Context(), lock.New(registry).WithName(hostile).WithLease(granted.GetID())); err != nil {
		t.Fatal(err)
	}
	pending := make(chan error, 1)
	second, err := lease.Grant(t.Context(), lease.New(registry), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := lock.Lock(t.Context(), lock.New(registry).WithName(hostile).WithLease(second.GetID()))
		pending <- err
	}()
	onecluster.Eventually(t, patience, "a claim that waits", func() error {
		if now := shown(t, registry); len(now.Claims) != 1 || now.Claims[0].State != "waiting" || now.Claims[0].Name != hostile {
			return fmt.Errorf("there is %+v", now)
		}
		return nil
	})
	titles := texts(t, ask(http.MethodGet, "/").Body, "code")
	found := 0
	for _, text := range titles {
		if text == hostile {
			found++
		}
	}
	if found != 1 {
		t.Errorf("the name is %d times in %q", found, titles)
	}
	if _, err := lease.Revoke(t.Context(), lease.New(registry), granted.GetID()); err != nil {
		t.Fatal(err)
	}
	if err := <-pending; err != nil {
		t.Fatal(err)
	}
	if _, err := lease.Revoke(t.Context(), lease.New(registry), second.GetID()); err != nil {
		t.Fatal(err)
	}
}

// texts returns the text in each element of that name. It fails if the page is not well formed.
func texts(t *testing.T, page io.Reader, element string) (all []string) {
	t.Helper()
	d := xml.NewDecoder(page)
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	inside := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "script" {
				t.Error("there is a script")
			}
			if inside = token.Name.Local == element; inside {
				all = append(all, "")
			}
		case xml.EndElement:
			inside = false
		case xml.CharData:
			if inside {
				all[len(all)-1] += string(token)
			}
		}
	}
}
