package report

import "v6probe/internal/checklist"

// Checklist writes an object for each line of l, then one for each of its findings.
func (j *JSON) Checklist(l *checklist.List) error {
	for _, line := range l.Lines {
		o := j.obj.begin("check")
		o = o.key("check").string(line.Name).key("result").string(line.Status.String()).key("text").string(line.Text)
		o = o.strings("evidence", line.Evidence)
		rules := make([]string, len(line.Findings))
		for i, f := range line.Findings {
			rules[i] = string(f.Rule)
		}
		if err := j.end(o.strings("rules", rules)); err != nil {
			return err
		}
	}
	return nil
}

// strings writes a list, or nothing where it is empty.
func (o object) strings(k string, list []string) object {
	if len(list) == 0 {
		return o
	}
	o = o.key(k).open('[')
	for _, s := range list {
		o = o.elem().string(s)
	}
	return o.close(']')
}
