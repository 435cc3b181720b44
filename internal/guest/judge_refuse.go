package guest

import (
	"fmt"

	"v6probe/internal/checklist"
)

// refusesAll reports whether the kernel refuses to send to the world, for all that there is a default route. Where one is for
// certain sources only, it would have to be asked for each of those.
func (j *judge) refusesAll() bool {
	way := false
	for i := range j.Facts.Routes {
		r := &j.Facts.Routes[i]
		if r.carries() && r.From.IsValid() && r.From.Bits() > 0 {
			return false
		}
		way = way || r.carries() && r.Table == j.Facts.Interface.Table
	}
	return way && j.Facts.World == nil && j.Facts.Refused != ""
}

// refusing tells of a route, or a rule, that refuses packets.
func (j *judge) refusing(l *checklist.Line) {
	for i := range j.Facts.Routes {
		if r := &j.Facts.Routes[i]; r.Refusing != "" {
			l.Text = "none but one that refuses packets"
			if r.Table == j.Facts.Interface.Table && j.refusesAll() {
				l.Text = "there is one, but another comes first and refuses packets"
			}
			j.found(l, "guest.no-default-route", "refusing", fmt.Sprintf("`ip -6 route del %s default metric %d`", r.Refusing, r.Metric),
				"the default route is of the type %s: the kernel refuses to send", r.Refusing)
			return
		}
	}
	l.Text = "there is one, but this host refuses to send to the world (" + j.Facts.Refused + ")"
	j.found(l, "guest.no-default-route", "refusing", fmt.Sprintf("`ip -6 rule` and `ip -6 route get fibmatch %v` show what refuses; take it away",
		nobody()), "a rule or a route of the type %s comes before the default route: the kernel refuses to send", j.Facts.Refused)
}
