package applier_test

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/relay"
)

// barred are tables whose columns can be set one by one: rows of texts, with a bar between them.
type barred struct{}

func (barred) Types() []relay.Type { return nil }

func (barred) Values(img relay.Image) (values []relay.Value, err error) {
	for cell := range strings.SplitSeq(string(img), "|") {
		values = append(values, relay.Value{Kind: relay.Text, Bytes: []byte(cell)})
	}
	return values, nil
}

func (barred) Image(values []relay.Value) (relay.Image, error) {
	cells := make([]string, len(values))
	for i := range values {
		cells[i] = string(values[i].Bytes)
	}
	return relay.Image(strings.Join(cells, "|")), nil
}

func (barred) Cells(img relay.Image) (cells [][]byte, err error) {
	for cell := range strings.SplitSeq(string(img), "|") {
		cells = append(cells, []byte(cell))
	}
	return cells, nil
}

func (barred) Join(_ relay.Image, cells [][]byte) (relay.Image, error) {
	list := make([]string, len(cells))
	for i := range cells {
		list[i] = string(cells[i])
	}
	return relay.Image(strings.Join(list, "|")), nil
}

func (barred) Number(int, relay.Value) ([]byte, error) { return nil, errMalformed }

// Children that nothing is known of follow their parent to another key, also one that comes late from somebody who does not know of that. Where to is on disk: a relay that dies
// knows it afterwards, of the children and of the key.
func TestChildrenFollowTheirParent(t *testing.T) {
	b := newBed(t, 2, 3)
	b.d.localIn("app.p", "1||p")
	b.d.localIn("app.f", "1|x|1", "2||7")
	b.start()
	b.settle()
	forgotten := b.d.clock()
	b.a.Heard(2, relay.Heartbeat{Promise: forgotten, Announced: relay.Vector{0, forgotten, 0, forgotten}})
	b.a.Heard(3, relay.Heartbeat{Promise: forgotten, Announced: relay.Vector{0, forgotten, forgotten}})
	if err := b.a.Forget(); err != nil {
		t.Fatal(err)
	}
	first := max(now(), forgotten+1)
	b.receive(2, first, relay.Vector{0, forgotten}, line("app.p", "1||p", "9||p"))
	b.settle()
	b.requireTable("app.f", map[string]string{"1": "1|x|9", "2": "2||7"})
	if err := b.a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	cool(t, b.a)
	b.kill()
	b.start()
	b.receive(3, first+5, nil, line("app.f", "", "3||1"))
	b.receive(3, first+1e6, relay.Vector{0, forgotten, first}, line("app.f", "", "4||1"))
	b.settle()
	b.requireTable("app.f", map[string]string{"1": "1|x|9", "2": "2||7", "3": "3||9", "4": "4||1"})
	b.receive(2, first+2e6, relay.Vector{0, forgotten}, line("app.p", "9||p", "8||p"))
	b.settle()
	b.requireTable("app.f", map[string]string{"1": "1|x|8", "2": "2||7", "3": "3||8", "4": "4||1"})
}
