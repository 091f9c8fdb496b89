package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/store"
)

// manifestName is the file in which a backup says what it is, beside its data.
const manifestName = "manifest.json"

// manifest is what a backup says of itself: counts and hashes, nothing of anybody. Kept, or its head alone,
// where nobody who can change the database can change it, it shows that the log was cut since.
type manifest struct {
	Form    int          `json:"form"` // of this file: 1
	Program string       `json:"program"`
	At      time.Time    `json:"at"`
	Engine  store.Engine `json:"engine"`
	// Head is the end of the audit chain when the copy began: the copy holds that block, and perhaps later ones.
	Head  string `json:"head"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"` // of the files
}

// begun is the manifest of a copy that is about to be made. Rows that wait for their block are sealed first,
// where no server that runs is about to.
func (a *App) begun(ctx context.Context) (manifest, error) {
	m := manifest{Form: 1, At: time.Now().UTC().Truncate(time.Second), Engine: a.DB.Engine()}
	if build, ok := debug.ReadBuildInfo(); ok {
		m.Program = build.Main.Version
	}
	if _, err := a.Audit.SealTail(ctx); err != nil {
		return m, err
	}
	head, err := a.Audit.Head(ctx)
	m.Head = head.String()
	return m, err
}

func (m manifest) write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, manifestName), append(text, '\n'), 0o600)
}

// readManifest reads the manifest of a backup; ok is false for one that was made before there were any.
func readManifest(dir string) (m manifest, ok bool, err error) {
	path := filepath.Join(dir, manifestName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err == nil && m.Form != 1 {
		err = fmt.Errorf("form %d is not known to this program", m.Form)
	}
	if err != nil {
		return m, false, fmt.Errorf("%s: %w", path, err)
	}
	return m, true, nil
}

// whole says what of the files a manifest names is not in a backup's folder.
func (m manifest) whole(dir string) error {
	files, bytes, err := measure(filepath.Join(dir, "files"))
	if err == nil && (files != m.Files || bytes != m.Bytes) {
		err = fmt.Errorf("%s names %d files of %d bytes, and %d of %d bytes are there: this is not a whole backup",
			filepath.Join(dir, manifestName), m.Files, m.Bytes, files, bytes)
	}
	return err
}

// measure counts the files under a folder, and their bytes; a folder that does not exist is empty.
func measure(dir string) (files int, bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		files, bytes = files+1, bytes+info.Size()
		return nil
	})
	return files, bytes, err
}

// readHead reads a head of the audit chain as somebody kept it: the word itself, a file that holds it, or a
// backup's manifest.
func readHead(given string) (audit.Head, error) {
	text, err := os.ReadFile(given)
	if err != nil { // not a file: the head itself
		return audit.ParseHead(strings.TrimSpace(given))
	}
	var m manifest
	if json.Unmarshal(text, &m) == nil && m.Head != "" {
		return audit.ParseHead(m.Head)
	}
	head, err := audit.ParseHead(strings.TrimSpace(string(text)))
	if err != nil {
		return head, fmt.Errorf("%s holds no head: %w", given, err)
	}
	return head, nil
}
