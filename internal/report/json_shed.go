package report

import "v6probe/internal/capture"

// shed appends what was let go for lack of time, by kind.
func (o object) shed(s capture.Shed) object {
	o = o.key("shed").open('{').uint("total", s.Total()).uint("other", s[capture.KindSpare])
	o = o.uint("neighbor", s[capture.KindNeighbor]).uint("stranger", s[capture.KindStranger])
	return o.uint("vital", s[capture.KindVital]).close('}')
}
