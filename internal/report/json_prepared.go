package report

import "v6probe/internal/rule"

// Prepared writes the line of a message of which AppendMessage, of any JSON, has made text. It is one line in two Writes.
func (j *JSON) Prepared(text []byte, found []rule.Finding) error {
	if _, err := j.w.Write(text); err != nil {
		return err
	}
	j.obj = AppendFindings(j.obj[:0], found)
	_, err := j.w.Write(j.obj)
	return err
}
