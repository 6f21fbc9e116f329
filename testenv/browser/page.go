package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// open makes the page.
func (b *Browser) open(ctx context.Context, width, height int) error {
	var target struct{ TargetID string }
	if err := b.call(ctx, "Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var attached struct{ SessionID string }
	if err := b.call(ctx, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached); err != nil {
		return err
	}
	b.page = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		if err := b.call(ctx, domain+".enable", map[string]any{}, nil); err != nil {
			return err
		}
	}
	return b.Resize(ctx, width, height)
}

// Resize gives the page a size in CSS pixels.
func (b *Browser) Resize(ctx context.Context, width, height int) error {
	return b.call(ctx, "Emulation.setDeviceMetricsOverride",
		map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// Dark lets the page be shown to someone who prefers dark colours, or light ones.
func (b *Browser) Dark(ctx context.Context, dark bool) error {
	value := "light"
	if dark {
		value = "dark"
	}
	return b.call(ctx, "Emulation.setEmulatedMedia",
		map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": value}}}, nil)
}

// Scripts switches JavaScript on or off for the pages that are loaded from now on. Do works in any case.
func (b *Browser) Scripts(ctx context.Context, on bool) error {
	return b.call(ctx, "Emulation.setScriptExecutionDisabled", map[string]any{"value": !on}, nil)
}

// Load loads an address and waits until all of the page is there.
func (b *Browser) Load(ctx context.Context, url string) error {
	return b.Loading(ctx, func() error {
		var answer struct{ ErrorText string }
		if err := b.call(ctx, "Page.navigate", map[string]any{"url": url}, &answer); err != nil {
			return err
		}
		if answer.ErrorText != "" {
			return fmt.Errorf("load %s: %s", url, answer.ErrorText)
		}
		return nil
	})
}

// Loading waits until the page that act causes to be loaded is there.
func (b *Browser) Loading(ctx context.Context, act func() error) error {
	const loaded = "Page.loadEventFired"
	before := b.count(loaded)
	if err := act(); err != nil {
		return err
	}
	return b.wait(ctx, loaded, before)
}

func (b *Browser) count(event string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.events[event]
}

// wait waits until an event has come once more than before.
func (b *Browser) wait(ctx context.Context, event string, before int) error {
	for {
		b.mu.Lock()
		now, changed := b.events[event], b.changed
		b.mu.Unlock()
		if now > before {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", event, context.Cause(ctx))
		}
	}
}

// Do runs JavaScript in the page, waits for it if it is a promise, and decodes its value into result, which may be nil.
func (b *Browser) Do(ctx context.Context, script string, result any) error {
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	params := map[string]any{"expression": script, "returnByValue": true, "awaitPromise": true, "userGesture": true}
	if err := b.call(ctx, "Runtime.evaluate", params, &answer); err != nil {
		return err
	}
	if e := answer.ExceptionDetails; e != nil {
		return errors.New(e.Text + " " + e.Exception.Description)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result.Value, result)
}

// Until asks again and again until the JavaScript says true.
func (b *Browser) Until(ctx context.Context, condition string) error {
	const every = 50 * time.Millisecond
	timer := time.NewTicker(every)
	defer timer.Stop()
	for {
		var holds bool
		if err := b.Do(ctx, condition, &holds); err != nil {
			return err
		}
		if holds {
			return nil
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", condition, context.Cause(ctx))
		}
	}
}

// Picture returns the whole page as PNG, however long it is.
func (b *Browser) Picture(ctx context.Context) ([]byte, error) {
	var answer struct{ Data []byte }
	err := b.call(ctx, "Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &answer)
	return answer.Data, err
}
