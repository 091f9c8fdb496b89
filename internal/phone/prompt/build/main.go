// Build makes what internal/phone/prompt and internal/rehearsal embed: it has espeak-ng speak the announcements and the invented calls,
// and plays the music. It is run by make, from the root of the repository:
//
//	go run ./internal/phone/prompt/build
//
// What has not changed since the last time is left as it is. Without espeak-ng the music is made alone, and
// it says how to get the rest.
package main

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/prompt"
)

// How the pieces are made is part of what they are made from.
//
//go:embed main.go music.go rehearsals.go speak.go
var sources embed.FS

// record says from what each file was made, by a hash.
const record = "made.json"

// piece is one file to be made.
type piece struct {
	name string // "fr/greeting"
	from string // what it is made of; another from is made anew
	make func() ([]int16, error)
}

func main() {
	dir := flag.String("to", "internal/phone/prompt/built", "the folder that the prompts are written into")
	library := flag.String("library", "internal/rehearsal/library", "the folder of the invented contacts")
	calls := flag.String("calls", "internal/rehearsal/built", "the folder that the invented calls are written into")
	flag.Parse()
	if err := build(*dir, *library, *calls); err != nil {
		fmt.Fprintln(os.Stderr, "prompts:", err)
		os.Exit(1)
	}
}

func build(dir, library, calls string) error {
	pieces := []piece{{name: "music", from: score, make: play}}
	espeak, err := exec.LookPath("espeak-ng")
	if err != nil {
		fmt.Fprintln(os.Stderr, "espeak-ng is missing: the telephone will have no announcements. As root: apt-get install espeak-ng")
		return buildAll(dir, pieces)
	}
	if err := buildAll(dir, append(pieces, announcements(espeak)...)); err != nil {
		return err
	}
	if pieces, err = rehearsals(espeak, library); err != nil {
		return err
	}
	return buildAll(calls, pieces)
}

// buildAll leaves in dir the files of pieces, and no others.
func buildAll(dir string, pieces []piece) error {
	how, err := hashed()
	if err != nil {
		return err
	}
	made := map[string]string{}
	if raw, err := os.ReadFile(filepath.Join(dir, record)); err == nil {
		// Damaged, it says less than it should, and more is made again.
		_ = json.Unmarshal(raw, &made)
	}
	wanted := map[string]string{}
	var todo []piece
	for _, p := range pieces {
		sum := sha256.Sum256(fmt.Appendf(how, " %s", p.from))
		wanted[p.name] = hex.EncodeToString(sum[:12])
		if _, err := os.Stat(file(dir, p.name)); err != nil || made[p.name] != wanted[p.name] {
			todo = append(todo, p)
		}
	}
	if err := sweep(dir, wanted); err != nil {
		return err
	}
	if len(todo) == 0 {
		return nil
	}
	if err := makeAll(dir, todo); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(wanted, "", "  ")
	if err != nil {
		return err
	}
	fmt.Printf("%d of %d sounds made\n", len(todo), len(pieces))
	return os.WriteFile(filepath.Join(dir, record), append(raw, '\n'), 0o644)
}

// hashed is a hash of the sources.
func hashed() ([]byte, error) {
	sum := sha256.New()
	err := fs.WalkDir(sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := sources.ReadFile(path)
		sum.Write(raw)
		return err
	})
	return sum.Sum(nil), err
}

func file(dir, name string) string { return filepath.Join(dir, name+prompt.Ending) }

// sweep takes away what nobody wants any more.
func sweep(dir string, wanted map[string]string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || filepath.Ext(path) != prompt.Ending {
			return err
		}
		name, err := filepath.Rel(dir, strings.TrimSuffix(path, prompt.Ending))
		if err != nil {
			return err
		}
		if _, ok := wanted[filepath.ToSlash(name)]; !ok {
			return os.Remove(path)
		}
		return nil
	})
}

// makeAll makes pieces, as many at once as there are processors.
func makeAll(dir string, todo []piece) error {
	var (
		wg    sync.WaitGroup
		queue = make(chan piece)
		fails = make([]error, runtime.NumCPU())
	)
	for i := range fails {
		wg.Go(func() {
			for p := range queue {
				if err := write(dir, p); err != nil {
					fails[i] = errors.Join(fails[i], fmt.Errorf("%s: %w", p.name, err))
				}
			}
		})
	}
	for _, p := range todo {
		queue <- p
	}
	close(queue)
	wg.Wait()
	return errors.Join(fails...)
}

func write(dir string, p piece) error {
	samples, err := p.make()
	if err != nil {
		return err
	}
	path := file(dir, p.name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, audio.NewClip(samples).Encoded(audio.PCMA), 0o644)
}
