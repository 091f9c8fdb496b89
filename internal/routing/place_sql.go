package routing

import (
	"fmt"
	"strings"
)

// $1: the beginning of the window. A first answer only: waited is 0 for all others.
const selectWaits = `SELECT lang, waited FROM offer WHERE state = 'accepted' AND ended_at > $1 AND waited > 0`

// upsertPlaces writes places that are smaller than what was told before.
func upsertPlaces(told []place) (string, []any) {
	var b strings.Builder
	args := make([]any, 0, 2*len(told))
	b.WriteString(`INSERT INTO waiting_place (contact_id, shown) VALUES `)
	for i, p := range told {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "($%d, $%d)", 2*i+1, 2*i+2)
		args = append(args, p.id, p.rank)
	}
	b.WriteString(` ON CONFLICT (contact_id) DO UPDATE SET shown = excluded.shown WHERE waiting_place.shown > excluded.shown`)
	return b.String(), args
}

// What is kept about somebody only while she may come back to the line.
const (
	selectClosedTraces = `SELECT (SELECT count(*) FROM network_mark WHERE ` + markClosed + `)
		+ (SELECT count(*) FROM waiting_place WHERE ` + placeClosed + `)`
	deleteClosedMarks  = `DELETE FROM network_mark WHERE ` + markClosed
	deleteClosedPlaces = `DELETE FROM waiting_place WHERE ` + placeClosed

	markClosed  = `EXISTS (SELECT 1 FROM contact WHERE contact.id = network_mark.contact_id AND contact.state = 'closed')`
	placeClosed = `EXISTS (SELECT 1 FROM contact WHERE contact.id = waiting_place.contact_id AND contact.state = 'closed')`
)
