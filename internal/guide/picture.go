package guide

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"io"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/picture"
	"vigie/internal/store"
)

// Picture is a picture of a page as everybody may see it: drawn anew from what was given, in a process without rights, so that nothing of the file is in
// it but what is seen: not where it was taken, nor with what.
type Picture struct {
	ID            string
	Kind          string // "image/jpeg"
	Width, Height int
	Body          []byte
}

// Path is its address.
func (p Picture) Path() string { return MediaPrefix + p.ID }

// Drawer draws pictures; picture.Process does.
type Drawer interface {
	Draw(ctx context.Context, file io.Reader, cover picture.Cover) ([]byte, error)
}

const (
	insertPicture = `INSERT INTO guide_picture (id, kind, width, height, body, added_by, added_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	selectPicture = `SELECT id, kind, width, height, body FROM guide_picture WHERE id = $1`
)

// AddPicture keeps a picture for a page. It returns fault.Unsupported "fault.picture.not_drawn" for what is no picture.
func (g *Guides) AddPicture(ctx context.Context, file io.Reader, by audit.Actor) (Picture, error) {
	body, err := g.o.Pictures.Draw(ctx, file, picture.Shown)
	if err != nil {
		return Picture{}, err
	}
	size, err := jpeg.DecodeConfig(bytes.NewReader(body))
	if err != nil {
		return Picture{}, fault.Wrap(err, fault.Unsupported, "fault.picture.not_drawn")
	}
	p := Picture{ID: store.NewID(), Kind: "image/jpeg", Width: size.Width, Height: size.Height, Body: body}
	return p, g.o.DB.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, insertPicture, p.ID, p.Kind, p.Width, p.Height, p.Body, by.ID, store.Millis(g.o.Now())); err != nil {
			return err
		}
		return g.o.Audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "guide.picture", Object: "guide", ObjectID: p.ID})
	})
}

// Picture finds a picture. It returns fault.NotFound "fault.not_found" for none.
func (g *Guides) Picture(ctx context.Context, id string) (Picture, error) {
	p, err := store.One(ctx, g.o.DB, func(r store.Row) (p Picture, err error) {
		err = r.Scan(&p.ID, &p.Kind, &p.Width, &p.Height, &p.Body)
		return p, err
	}, selectPicture, id)
	if errors.Is(err, store.ErrNoRow) {
		return p, fault.New(fault.NotFound, "fault.not_found")
	}
	return p, err
}
