package filter

import (
	"context"
	"errors"

	"v6probe/internal/tool"
)

// maxOutput is how many bytes a program may print.
const maxOutput = 64 << 20

// run returns what a program prints, in the network namespace of the calling thread. Its error may be shown.
func run(ctx context.Context, name string, args ...string) ([]byte, error) {
	out, err := tool.Run(ctx, maxOutput, name, args...)
	var e *tool.Error
	if errors.As(err, &e) && e.Text == "" {
		if line := e.FirstLine(); line != "" {
			e.Text = clean(line)
		}
	}
	return out, err
}

// absent reports whether a program is not installed.
func absent(err error) bool { return tool.Absent(err) }
