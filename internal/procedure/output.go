package procedure

import (
	"bytes"
	"fmt"
	"io"
)

// output passes a program's output on and keeps its end for a message.
type output struct {
	to   io.Writer
	tail []byte
}

const kept = 2 << 10 // bytes of the output's end

// Write never fails: a log that cannot be written must not stop a deployment or a rollback.
func (o *output) Write(text []byte) (int, error) {
	o.tail = append(o.tail, text...)
	if len(o.tail) > kept {
		o.tail = bytes.Clone(o.tail[len(o.tail)-kept:])
	}
	if o.to != nil {
		_, _ = o.to.Write(text) // see above
	}
	return len(text), nil
}

// end is the end of the output for a message.
func (o *output) end() string {
	if len(o.tail) == 0 {
		return "no output"
	}
	return fmt.Sprintf("its last output: %q", bytes.TrimSpace(o.tail))
}
