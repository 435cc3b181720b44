package counters

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// statementText words a statement nearly as nft does. It is for reading, not for loading again.
func statementText(key string, v any) string {
	switch key {
	case "match":
		m, _ := v.(map[string]any)
		return matchText(m)
	case "jump", "goto":
		return key + " " + field(v, "target")
	case "limit":
		m, _ := v.(map[string]any)
		return fmt.Sprintf("limit rate %s/%s", expressionText(m["rate"], 0), field(v, "per"))
	case "vmap":
		m, _ := v.(map[string]any)
		return expressionText(m["key"], 0) + " vmap …"
	case "xt":
		if name := field(v, "name"); name != "" {
			return name
		}
		return "(a match of iptables)"
	}
	return key
}

func matchText(m map[string]any) string {
	left, right := expressionText(m["left"], 0), expressionText(m["right"], 0)
	if exists, ok := m["right"].(bool); ok {
		right = "missing"
		if exists {
			right = "exists"
		}
	}
	if op, _ := m["op"].(string); op != "==" && op != "in" {
		return left + " " + op + " " + right
	}
	return left + " " + right
}

// expressionText words an expression. What it does not know it shows by its name.
func expressionText(v any, depth int) string {
	if depth > maxDepth {
		return "…"
	}
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	case []any: // flags, mostly
		return list(v, ",", depth)
	case map[string]any:
		for key, inner := range v { // there is one
			return keyedText(key, inner, depth)
		}
	}
	return "…"
}

func keyedText(key string, v any, depth int) string {
	switch key {
	case "payload":
		if p := field(v, "protocol"); p != "" {
			return p + " " + field(v, "field")
		}
		m, _ := v.(map[string]any)
		return fmt.Sprintf("@%s,%s,%s", field(v, "base"), expressionText(m["offset"], depth+1), expressionText(m["len"], depth+1))
	case "meta":
		name := field(v, "key")
		if slices.Contains([]string{"iif", "oif", "iifname", "oifname", "mark"}, name) {
			return name
		}
		return "meta " + name
	case "exthdr":
		return strings.TrimSpace("exthdr " + field(v, "name") + " " + field(v, "field"))
	case "ct":
		return strings.Join(strings.Fields("ct "+field(v, "dir")+" "+field(v, "key")), " ")
	case "fib":
		m, _ := v.(map[string]any)
		flags, _ := m["flags"].([]any)
		return "fib " + list(flags, " . ", depth) + " " + field(v, "result")
	case "prefix":
		m, _ := v.(map[string]any)
		return expressionText(m["addr"], depth+1) + "/" + expressionText(m["len"], depth+1)
	}
	elements, ok := v.([]any)
	switch {
	case key == "set" && ok:
		return "{ " + list(elements, ", ", depth) + " }"
	case key == "concat" && ok:
		return list(elements, " . ", depth)
	case key == "range" && ok:
		return list(elements, "-", depth)
	case slices.Contains([]string{"&", "|", "^", "<<", ">>"}, key) && ok:
		return list(elements, " "+key+" ", depth)
	}
	return key + " …"
}

// list joins the first expressions of a list.
func list(elements []any, separator string, depth int) string {
	const most = 8
	var words []string
	for i, e := range elements {
		if i == most {
			words = append(words, "…")
			break
		}
		words = append(words, expressionText(e, depth+1))
	}
	return strings.Join(words, separator)
}
