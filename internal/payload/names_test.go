package payload

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestJSONFields compares the names that jsonFields finds with the keys that
// encoding/json writes when nothing is left out.
func TestJSONFields(t *testing.T) {
	t.Parallel()
	zoo := append(zoo(), struct{ Binary }{}, struct {
		*lower
		Shared `json:"shared"`
	}{lower: &lower{}}, struct {
		lower `json:"tagged"`
	}{}, struct {
		named
		Named named
	}{})
	for _, v := range zoo {
		g := &generator{Rand: rand.New(rand.NewPCG(1, 2))}
		v := g.fillLike(v)
		text, err := json.Marshal(v.Interface())
		if err != nil {
			t.Fatalf("%s: %v", v.Type(), err)
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatalf("%s: %v\n%s", v.Type(), err, text)
		}
		var want, got []string
		for k := range object {
			want = append(want, k)
		}
		for _, f := range jsonFields(v.Type()) {
			got = append(got, f.name)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", v.Type(), got, want)
		}
	}
}

func TestValidName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"": false, "a": true, "ä": true, "世": true, "a b": true, "#/.-_": true,
		`"`: false, `\`: false, "a,": false, "\u2028": false, "'": false, "`": false,
	} {
		if got := validName(name); got != want {
			t.Errorf("validName(%q) = %v", name, got)
		}
	}
}
