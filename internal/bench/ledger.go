package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
)

// ledger is what the clients were told, kept outside of what is tested: a line for each contact and each
// letter that the server acknowledged, synced before the client believes it.
type ledger struct {
	mu      sync.Mutex
	file    *os.File
	waiting []byte
	round   *round // of those whose lines wait
	writing bool
}

// round is one sync, shared by all whose lines it carries.
type round struct {
	done chan struct{}
	err  error
}

// entry is one line: a contact that was opened, or a letter that was taken.
type entry struct {
	contact string
	letter  string
	byStaff bool
	seq     int64 // 0 when it was not told
	// delivered says that the other side's page showed it, where that is measured.
	delivered bool
}

func openLedger(path string) (*ledger, error) {
	if path == "" {
		return &ledger{}, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return &ledger{file: f}, err
}

func (e entry) line(b []byte) []byte {
	if e.letter == "" {
		return fmt.Appendf(b, "contact %s\n", e.contact)
	}
	from := "visitor"
	if e.byStaff {
		from = "staff"
	}
	return fmt.Appendf(b, "letter %s %s %s %d %t\n", e.contact, e.letter, from, e.seq, e.delivered)
}

// note returns once the line is on the disk.
func (l *ledger) note(e entry) error {
	if l.file == nil {
		return nil
	}
	l.mu.Lock()
	l.waiting = e.line(l.waiting)
	if l.round == nil {
		l.round = &round{done: make(chan struct{})}
	}
	mine := l.round
	if !l.writing {
		l.writing = true
		go l.write()
	}
	l.mu.Unlock()
	<-mine.done
	return mine.err
}

// noteAll writes many lines at once, without a sync: for what is compared by somebody still there.
func (l *ledger) noteAll(all []entry) error {
	if l.file == nil {
		return nil
	}
	b := bufio.NewWriter(l.file)
	var line []byte
	for _, e := range all {
		line = e.line(line[:0])
		if _, err := b.Write(line); err != nil {
			return err
		}
	}
	return b.Flush()
}

func (l *ledger) write() {
	for {
		l.mu.Lock()
		lines, r := l.waiting, l.round
		l.waiting, l.round = nil, nil
		if r == nil {
			l.writing = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		_, r.err = l.file.Write(lines)
		r.err = errors.Join(r.err, l.file.Sync())
		close(r.done)
	}
}

func (l *ledger) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// readLedger reads what was noted, in the order in which it was.
func readLedger(path string) ([]entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []entry
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		parts := strings.Fields(line)
		switch {
		case len(parts) == 2 && parts[0] == "contact":
			all = append(all, entry{contact: parts[1]})
		case len(parts) == 6 && parts[0] == "letter":
			seq, err := strconv.ParseInt(parts[4], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("the ledger: %w", err)
			}
			all = append(all, entry{contact: parts[1], letter: parts[2], byStaff: parts[3] == "staff", seq: seq, delivered: parts[5] == "true"})
		default:
			return nil, fmt.Errorf("the ledger has a line %q", line)
		}
	}
}
