// SPDX-License-Identifier: Apache-2.0

//go:build browser

package debug

import (
	"bytes"
	"context"
	"image"
	"image/color"
	_ "image/png" // of the screenshots
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// chromium is the browser. `make browser` installs it.
func chromium() string {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	return "chromium"
}

// shots is the folder of the screenshots.
const shots = "../../bin"

// TestBrowserShowsWhatIsFrozenWaitsOrLags checks what the browser has made of the page, and that it has not refused the style: then
// the background would be white.
func TestBrowserShowsWhatIsFrozenWaitsOrLags(t *testing.T) {
	o := begin(t)
	tells(t, o, func() []byte { return browse(t, "--dump-dom", o.url) })
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, view := range []struct {
		name          string
		width, height int
		flags         []string
		background    color.RGBA // --paper in page.css
	}{
		{"phone", 390, 1700, nil, color.RGBA{0xf4, 0xf5, 0xf7, 0xff}},
		{"phone-dark", 390, 1700, []string{"--force-dark-mode"}, color.RGBA{0x14, 0x17, 0x1b, 0xff}},
		{"desktop", 1280, 1200, nil, color.RGBA{0xf4, 0xf5, 0xf7, 0xff}},
	} {
		path, err := filepath.Abs(filepath.Join(shots, "debug-"+view.name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		size := strconv.Itoa(view.width) + "," + strconv.Itoa(view.height)
		browse(t, append(view.flags, "--screenshot="+path, "--window-size="+size, o.url)...)
		picture, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		shot, _, err := image.Decode(bytes.NewReader(picture))
		if err != nil {
			t.Fatal(err)
		}
		if got := shot.Bounds().Dx(); got != view.width {
			t.Errorf("%s: the picture is %d wide", view.name, got)
		}
		if got := color.RGBAModel.Convert(shot.At(2, view.height-2)); got != view.background {
			t.Errorf("%s: the background is %v, want %v", view.name, got, view.background)
		}
		t.Logf("%s: %s", view.name, path)
	}
}

// browse runs the browser, and returns what it prints.
func browse(t *testing.T, args ...string) []byte {
	t.Helper()
	within, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	all := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
		"--virtual-time-budget=5000", "--user-data-dir=" + t.TempDir(),
	}, args...)
	cmd := exec.CommandContext(within, chromium(), all...)
	var said, complained bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &complained
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s", chromium(), err, complained.Bytes())
	}
	return said.Bytes()
}
