package bench

import (
	"context"
	"errors"
	"fmt"

	"vigie/internal/audit"
	"vigie/internal/fault"
)

// finding is what the record says of what was acknowledged.
type finding struct {
	contacts, letters int64 // acknowledged
	// lost are acknowledged letters or contacts that are not there; undelivered those that are there but
	// were not shown to the other side.
	lost, undelivered int64
	// doubled stand twice, under another id or number than was told; disordered stand in another order
	// than one side wrote them; unreadable do not open to the words that were written.
	doubled, disordered, unreadable int64
	// chain is where the audit's chain is broken, "" for nowhere.
	chain string
	why   []string // the first few, for who looks for the cause
}

func (f *finding) says(format string, args ...any) {
	if len(f.why) < 10 {
		f.why = append(f.why, fmt.Sprintf(format, args...))
	}
}

// verify opens the record that no server has open any more and compares it with the ledger.
func (b Bench) verify(ctx context.Context, data, database, ledgerPath string) (f finding, err error) {
	entries, err := readLedger(ledgerPath)
	if err != nil {
		return f, err
	}
	h, err := b.Open(ctx, data, database)
	if err != nil {
		return f, fmt.Errorf("the record cannot be opened: %w", err)
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	return compare(ctx, h, entries)
}

// shown counts the letters of the ledger that the other side's page never showed.
func (f *finding) shown(entries []entry) {
	for _, e := range entries {
		if e.letter != "" && !e.delivered {
			f.undelivered++
			f.says("message %s was acknowledged and never shown to the other side", e.letter)
		}
	}
}

// kept is a letter as the record has it.
type kept struct {
	seq      int64
	contact  string
	byStaff  bool
	readable bool
}

func compare(ctx context.Context, h *House, entries []entry) (f finding, err error) {
	record := map[string]kept{}
	for _, e := range entries {
		if e.letter != "" {
			continue
		}
		f.contacts++
		if err := f.readContact(ctx, h, e.contact, record); err != nil {
			return f, err
		}
	}
	type side struct {
		contact string
		byStaff bool
	}
	before := map[side]int64{}
	for _, e := range entries {
		if e.letter == "" {
			continue
		}
		f.letters++
		k, there := record[e.letter]
		if !there {
			f.lost++
			f.says("message %s of contact %s was acknowledged and is not there", e.letter, e.contact)
			continue
		}
		if !k.readable {
			f.unreadable++
			f.says("message %s does not open to what was written", e.letter)
		}
		if e.seq != 0 && e.seq != k.seq || k.contact != e.contact || k.byStaff != e.byStaff {
			f.doubled++
			f.says("message %s was told as number %d of %s and stands as %d of %s", e.letter, e.seq, e.contact, k.seq, k.contact)
		}
		s := side{e.contact, e.byStaff}
		if k.seq <= before[s] {
			f.disordered++
			f.says("message %s stands before one that was written earlier", e.letter)
		}
		before[s] = max(before[s], k.seq)
	}
	report, err := audit.Verify(ctx, h.DB, h.Audit)
	if err != nil {
		return f, err
	}
	if f.chain = report.Broken; f.chain != "" {
		f.says("audit: %s", f.chain)
	}
	return f, nil
}

// readContact reads every message of a contact: numbers from 1 without a gap, each id once.
func (f *finding) readContact(ctx context.Context, h *House, id string, record map[string]kept) error {
	const page = 500
	if _, err := h.Contacts.Get(ctx, id); fault.Is(err, fault.NotFound) {
		f.lost++
		f.says("contact %s was acknowledged and is not there", id)
		return nil
	} else if err != nil {
		return err
	}
	for last := int64(0); ; {
		messages, err := h.Chats.Messages(ctx, id, last, page)
		if err != nil {
			return fmt.Errorf("the messages of contact %s: %w", id, err)
		}
		for _, m := range messages {
			if m.Seq != last+1 {
				f.disordered++
				f.says("contact %s has number %d after %d", id, m.Seq, last)
			}
			last = m.Seq
			if _, ours := indexOf(letterMark, []byte(m.ID)); !ours { // a line of the house
				continue
			}
			if _, twice := record[m.ID]; twice {
				f.doubled++
				f.says("message %s is there twice", m.ID)
			}
			byStaff := m.From == "staff"
			record[m.ID] = kept{seq: m.Seq, contact: id, byStaff: byStaff, readable: readable(m.ID, m.Body, byStaff)}
		}
		if len(messages) < page {
			return nil
		}
	}
}
