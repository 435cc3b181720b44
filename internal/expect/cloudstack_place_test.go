package expect

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"v6probe/internal/rule"
)

func cloudDump(v any) string {
	b, err := stdjson.Marshal(v)
	return fmt.Sprint(string(b), err)
}

// eachCloudPlace calls f with every place within v.
func eachCloudPlace(v reflect.Value, f func(rule.Place)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachCloudPlace(v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachCloudPlace(v.Index(i), f)
		}
	case reflect.Struct:
		if p, ok := v.Interface().(rule.Place); ok {
			f(p)
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				eachCloudPlace(v.Field(i), f)
			}
		}
	}
}

// cloudValueAt is the JSON value at a line and column.
func cloudValueAt(data []byte, p rule.Place) (v any, err error) {
	lines := bytes.SplitAfter(data, []byte("\n"))
	if p.Line < 1 || p.Line > len(lines) {
		return nil, fmt.Errorf("there is no line %d", p.Line)
	}
	rest := []rune(string(bytes.Join(lines[p.Line-1:], nil)))
	if p.Column < 1 || p.Column > len(rest) {
		return nil, fmt.Errorf("there is no column %d", p.Column)
	}
	return v, stdjson.NewDecoder(strings.NewReader(string(rest[p.Column-1:]))).Decode(&v)
}

// cloudValueOf is the JSON value to which a path leads.
func cloudValueOf(data []byte, path string) (any, error) {
	var v any
	if err := stdjson.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	for step := range strings.FieldsFuncSeq(path, func(r rune) bool { return strings.ContainsRune(".[]", r) }) {
		if i, err := strconv.Atoi(step); err == nil {
			v = v.([]any)[i]
		} else {
			v = v.(map[string]any)[step]
		}
	}
	return v, nil
}

// TestCloudStackPlaces: at each line and column stands the value to which the path leads.
func TestCloudStackPlaces(t *testing.T) {
	for _, set := range [][]string{{"networks.json", "virtualmachines.json", "routers.json"}, {"flaws.json"},
		{"raw-network.json", "raw-router.json"}, {"virtualmachines.json", "routers.json"}} {
		docs := cloudFiles(t, set...)
		files := map[string][]byte{}
		for _, d := range docs {
			files[d.Name] = d.Data
		}
		seen := map[rule.Place]bool{}
		eachCloudPlace(reflect.ValueOf(cloudState(t, docs...)), func(p rule.Place) {
			if seen[p] {
				return
			}
			seen[p] = true
			at, err := cloudValueAt(files[p.File], p)
			if err != nil {
				t.Errorf("%+v: %v", p, err)
				return
			}
			if want, err := cloudValueOf(files[p.File], p.Path); err != nil || want == nil || !reflect.DeepEqual(at, want) {
				t.Errorf("%+v: at the place is %v, by the path %v (%v)", p, at, want, err)
			}
		})
		if len(seen) < 4 {
			t.Errorf("%v: %d places", set, len(seen))
		}
	}
}

// TestCloudStackColumn: columns count characters, not bytes, and not the byte order mark.
func TestCloudStackColumn(t *testing.T) {
	doc := "\xef\xbb\xbf" + `{"network":[{"name":"größe 網","type":"L2","broadcasturi":"vlan://7"}]}`
	l := cloudState(t, Source{Name: "f", Data: []byte(doc)}).Links[0]
	if want := (rule.Place{File: "f", Line: 1, Column: 58, Path: "network[0].broadcasturi"}); l.VLAN.Place != want {
		t.Errorf("got %+v, want %+v", l.VLAN.Place, want)
	}
}
