package catalogue

import (
	"context"
	"time"

	"vigie/internal/store"
)

const (
	selectNewest = `SELECT doc, version, edition, body FROM catalogue_version
		WHERE (doc, version) IN (SELECT doc, max(version) FROM catalogue_version GROUP BY doc)`
	selectNumbers  = `SELECT doc, max(version) FROM catalogue_version GROUP BY doc`
	selectVersions = `SELECT doc, version, edition, published_by, published_at FROM catalogue_version WHERE doc = $1 ORDER BY version DESC`
	selectText     = `SELECT body FROM catalogue_version WHERE doc = $1 AND (version = $2 OR $2 = 0) ORDER BY version DESC LIMIT 1`
	insertVersion  = `INSERT INTO catalogue_version (doc, version, edition, body, published_at, published_by) VALUES ($1, $2, $3, $4, $5, $6)`
)

// newest reads the newest version of every document.
func (c *Catalogue) newest(ctx context.Context) (map[Doc]stored, error) {
	type row struct {
		doc Doc
		stored
	}
	rows, err := store.All(ctx, c.db, func(r store.Row) (v row, err error) {
		var text string
		err = r.Scan(&v.doc, &v.version, &v.edition, &text)
		v.text = []byte(text)
		return v, err
	}, selectNewest)
	if err != nil {
		return nil, err
	}
	texts := make(map[Doc]stored, len(Docs))
	for _, r := range rows {
		texts[r.doc] = r.stored
	}
	return texts, nil
}

// numbered is the number of a document's newest version.
type numbered struct {
	doc     Doc
	version int
}

func scanNumber(r store.Row) (n numbered, err error) {
	err = r.Scan(&n.doc, &n.version)
	return n, err
}

func scanVersion(r store.Row) (v Version, err error) {
	var edition int
	var at int64
	err = r.Scan(&v.Doc, &v.Version, &edition, &v.By, &at)
	v.Seed, v.PublishedAt = edition > 0, store.Time(at)
	return v, err
}

func scanText(r store.Row) (text string, err error) {
	err = r.Scan(&text)
	return text, err
}

func insertText(ctx context.Context, tx *store.Tx, doc Doc, s stored, by string) error {
	_, err := tx.Exec(ctx, insertVersion, string(doc), s.version, s.edition, string(s.text), store.Millis(time.Now()), by)
	return err
}
