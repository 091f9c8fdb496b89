package demo

import (
	"context"
	"errors"

	"vigie/internal/catalogue"
)

// listed are made-up services to call back who says to be the police or a network. The numbers are those that ARCEP keeps
// for fiction (01 99 00), and ring nowhere.
const listed = `
# The demonstration's services, none of which exists.
[[number]]
code = "brigade"
kind = "police"
number = "01 99 00 17 17"
label = { fr = "Brigade des mineurs de Vigie-sur-Mer", en = "Child protection police, Vigie-sur-Mer" }
ways = ["call"]
verified_on = "2026-11-23"
[[number]]
code = "parquet"
kind = "justice"
number = "01 99 00 17 18"
label = { fr = "Parquet des mineurs de Vigie-sur-Mer", en = "Juvenile prosecutor, Vigie-sur-Mer" }
ways = ["call"]
verified_on = "2026-11-23"
[[number]]
code = "sablier"
kind = "platform"
number = "01 99 00 17 19"
label = { fr = "Sablier, équipe de confiance", en = "Sablier, trust and safety" }
ways = ["call"]
verified_on = "2026-11-23"
`

// partner is a made-up line that sends us callers.
const partner = `
# The demonstration's partner line, which does not exist.
[[partner]]
code = "119"
label = { fr = "le 119", en = "the 119" }
numbers = ["+33199001119"]
queue = "partner"
`

// List gives the demonstration's helpline numbers of its own.
func List(ctx context.Context, c *catalogue.Catalogue) error {
	var errs []error
	for doc, more := range map[catalogue.Doc]string{catalogue.DocNumbers: listed, catalogue.DocPhone: partner} {
		_, err := c.Publish(ctx, doc, append(catalogue.Seed(doc), more...), operator)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
