package trunk

import (
	"bytes"
	"errors"
	"io"

	"github.com/emiago/sipgo/sip"
)

// stream reads the messages of one connection.
type stream struct {
	p *sip.ParserStream
	// between says that the last message is whole and no next one has begun.
	between bool
}

func newStream() *stream { return &stream{parser.NewSIPStream(), true} }

// feed takes what came and hands over each whole message. An error means that the place of the next message is
// not known any more: the connection can only be closed.
func (s *stream) feed(data []byte, each func(*message)) error {
	if _, err := s.p.Write(data); err != nil {
		return err
	}
	if s.between && len(bytes.Trim(data, "\r\n")) > 0 {
		s.between = false
	}
	for s.p.Buffer().Len() > 0 {
		// The parser takes the lines before a message for a piece of it until the message comes: those are
		// keep-alives (RFC 5626 §3.5.1) and may be thrown away.
		parsed, _, err := s.p.ParseNext()
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if m := convert(parsed); m != nil {
			if err := m.clean(); err != nil {
				return err
			}
			each(m)
		}
		s.between = s.p.Buffer().Len() == 0
	}
	return nil
}
