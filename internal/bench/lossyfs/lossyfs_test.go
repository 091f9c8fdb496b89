//go:build linux

package lossyfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"vigie/internal/bench/lossyfs"
)

// disk is a folder shown through a lossy file system.
type disk struct {
	t       *testing.T
	mounted *lossyfs.FS
	at      string // where programs see it
	backing string // what a power cut leaves
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{t: t, at: t.TempDir(), backing: t.TempDir()}
	d.mount()
	return d
}

// mount shows what is on the disk, as after a start.
func (d *disk) mount() {
	d.t.Helper()
	if err := lossyfs.Possible(); err != nil {
		if os.Getenv("VIGIE_FORBID_SKIPS") != "" {
			d.t.Fatalf("not shown: %v", err)
		}
		d.t.Skipf("not shown: %v", err)
	}
	mounted, err := lossyfs.Mount(d.at, d.backing)
	if err != nil {
		d.t.Fatal(err)
	}
	d.mounted = mounted
	d.t.Cleanup(func() { mounted.Unmount() }) // a second time is refused, which is fine
}

func (d *disk) path(name string) string { return filepath.Join(d.at, name) }

// left is what lies on the disk: the content of each file by its path, folders with a slash.
func (d *disk) left() map[string]string {
	d.t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(d.backing, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == d.backing {
			return err
		}
		name, _ := filepath.Rel(d.backing, path)
		if entry.IsDir() {
			found[name+"/"] = ""
			return nil
		}
		content, err := os.ReadFile(path)
		found[name] = string(content)
		return err
	})
	d.must(err)
	return found
}

func (d *disk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// write makes or overwrites a file and closes it, without a sync.
func (d *disk) write(name, content string) {
	d.t.Helper()
	d.must(os.WriteFile(d.path(name), []byte(content), 0o600))
}

// sync syncs a file or a folder, by its name ("." is the topmost folder).
func (d *disk) sync(names ...string) {
	d.t.Helper()
	for _, name := range names {
		file, err := os.Open(d.path(name))
		d.must(err)
		d.must(file.Sync())
		d.must(file.Close())
	}
}

func (d *disk) wantLeft(want map[string]string) {
	d.t.Helper()
	if left := d.left(); !maps.Equal(left, want) {
		d.t.Errorf("left on the disk:\n%q\nwant:\n%q", left, want)
	}
}

// Each case does something to a disk that already holds, synced, the file "old" with "one" in it and
// the folder "box" with the file "box/in" in it; then the power is cut.
func TestOnlyWhatWasSyncedSurvivesAPowerCut(t *testing.T) {
	untouched := map[string]string{"old": "one", "box/": "", "box/in": "inside"}
	with := func(change map[string]string, without ...string) map[string]string {
		all := maps.Clone(untouched)
		maps.Copy(all, change)
		for _, name := range without {
			delete(all, name)
		}
		return all
	}
	for _, c := range []struct {
		sentence string
		act      func(d *disk)
		left     map[string]string
	}{
		{"nothing done, nothing lost", func(d *disk) {}, untouched},
		{"bytes written and not synced are lost, though the file was closed", func(d *disk) {
			d.write("old", "two")
		}, untouched},
		{"bytes synced stay", func(d *disk) {
			d.write("old", "two")
			d.sync("old")
		}, with(map[string]string{"old": "two"})},
		{"a write through O_DSYNC stays by itself", func(d *disk) {
			file, err := os.OpenFile(d.path("old"), os.O_WRONLY|syscall.O_DSYNC, 0)
			d.must(err)
			file.WriteString("2")
			file.Close()
		}, with(map[string]string{"old": "2ne"})},
		{"bytes appended and not synced are lost, the ones before stay", func(d *disk) {
			file, err := os.OpenFile(d.path("old"), os.O_WRONLY|os.O_APPEND, 0)
			d.must(err)
			defer file.Close()
			file.WriteString(" and two")
			d.must(file.Sync())
			file.WriteString(" and three")
		}, with(map[string]string{"old": "one and two"})},
		{"a truncation not synced is undone", func(d *disk) {
			d.must(os.Truncate(d.path("old"), 1))
		}, untouched},
		{"a truncation synced stays", func(d *disk) {
			d.must(os.Truncate(d.path("old"), 1))
			d.sync("old")
		}, with(map[string]string{"old": "o"})},
		{"a file cut short and grown again is zeros in between", func(d *disk) {
			d.must(os.Truncate(d.path("old"), 1))
			d.must(os.Truncate(d.path("old"), 3))
			d.sync("old")
		}, with(map[string]string{"old": "o\x00\x00"})},
		{"a new file that was synced is lost when its folder was not", func(d *disk) {
			d.write("new", "news")
			d.sync("new")
		}, untouched},
		{"a new file whose folder was synced is there, and empty when it was not synced itself", func(d *disk) {
			d.write("new", "news")
			d.sync(".")
		}, with(map[string]string{"new": ""})},
		{"a new file is whole when both were synced, in either order", func(d *disk) {
			d.write("new", "news")
			d.sync("new", ".")
			d.write("newer", "more")
			d.sync(".", "newer")
		}, with(map[string]string{"new": "news", "newer": "more"})},
		{"an unlink not synced is undone", func(d *disk) {
			d.must(os.Remove(d.path("old")))
		}, untouched},
		{"an unlink synced stays", func(d *disk) {
			d.must(os.Remove(d.path("old")))
			d.sync(".")
		}, with(nil, "old")},
		{"a rename not synced is undone", func(d *disk) {
			d.must(os.Rename(d.path("old"), d.path("renamed")))
		}, untouched},
		{"a file written aside, synced and renamed over the old one leaves the old one whole until its folder is synced", func(d *disk) {
			d.write("aside", "two")
			d.sync("aside")
			d.must(os.Rename(d.path("aside"), d.path("old")))
		}, untouched},
		{"and the new one whole after", func(d *disk) {
			d.write("aside", "two")
			d.sync("aside")
			d.must(os.Rename(d.path("aside"), d.path("old")))
			d.sync(".")
		}, with(map[string]string{"old": "two"})},
		{"a rename between folders stands under both names when only the new folder was synced", func(d *disk) {
			d.must(os.Rename(d.path("old"), d.path("box/old")))
			d.sync("box")
		}, with(map[string]string{"box/old": "one"})},
		{"and under none when only the former was: the strictest reading", func(d *disk) {
			d.must(os.Rename(d.path("old"), d.path("box/old")))
			d.sync(".")
		}, with(nil, "old")},
		{"and comes to its place even when the former was synced first", func(d *disk) {
			d.must(os.Rename(d.path("old"), d.path("box/old")))
			d.sync(".", "box")
		}, with(map[string]string{"box/old": "one"}, "old")},
		{"a hard link is one file with two names", func(d *disk) {
			d.must(os.Link(d.path("old"), d.path("twin")))
			d.sync(".")
			d.write("twin", "two")
			d.sync("twin")
		}, with(map[string]string{"old": "two", "twin": "two"})},
		{"a folder is lost with all that was synced in it when the folder above was not", func(d *disk) {
			d.must(os.Mkdir(d.path("deep"), 0o700))
			d.write("deep/file", "x")
			d.sync("deep/file", "deep")
		}, untouched},
		{"and comes with all that was synced in it once the folder above is", func(d *disk) {
			d.must(os.MkdirAll(d.path("deep/deeper"), 0o700))
			d.write("deep/deeper/file", "x")
			d.sync("deep/deeper/file", "deep/deeper", "deep", ".")
		}, with(map[string]string{"deep/": "", "deep/deeper/": "", "deep/deeper/file": "x"})},
		{"a folder moved and synced takes what is in it along", func(d *disk) {
			d.must(os.Rename(d.path("box"), d.path("chest")))
			d.sync(".")
		}, with(map[string]string{"chest/": "", "chest/in": "inside"}, "box/", "box/in")},
		{"a folder removed and not synced is back with what was in it", func(d *disk) {
			d.must(os.RemoveAll(d.path("box")))
		}, untouched},
		{"and is gone once the folder above is synced, whether it was synced itself or not", func(d *disk) {
			d.must(os.RemoveAll(d.path("box")))
			d.sync(".")
		}, with(nil, "box/", "box/in")},
		{"a folder moved out of a removed one is not lost with it", func(d *disk) {
			d.must(os.MkdirAll(d.path("outer/inner"), 0o700))
			d.sync("outer/inner", "outer", ".")
			d.must(os.Rename(d.path("outer/inner"), d.path("inner")))
			d.must(os.Remove(d.path("outer")))
			d.sync(".")
		}, with(map[string]string{"inner/": ""})},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			d := newDisk(t)
			d.write("old", "one")
			d.must(os.Mkdir(d.path("box"), 0o700))
			d.write("box/in", "inside")
			d.sync("old", "box/in", "box", ".")
			c.act(d)
			d.mounted.CutPower()
			d.wantLeft(c.left)
			d.must(d.mounted.Unmount())
			d.mount() // and it starts again from there
			if again, err := os.ReadFile(d.path("box/in")); err == nil && string(again) != c.left["box/in"] {
				t.Errorf("after the start box/in holds %q", again)
			}
		})
	}
}

// After the cut nothing answers, not even what the kernel had in its cache.
func TestNothingAnswersAfterThePowerCut(t *testing.T) {
	d := newDisk(t)
	d.write("file", "content")
	d.sync("file", ".")
	file, err := os.OpenFile(d.path("file"), os.O_RDWR, 0)
	d.must(err)
	if _, err := file.ReadAt(make([]byte, 7), 0); err != nil {
		t.Fatal(err)
	}
	d.mounted.CutPower()
	for act, failure := range map[string]error{
		"read":  second(file.ReadAt(make([]byte, 7), 0)),
		"write": second(file.WriteAt([]byte("x"), 0)),
		"sync":  file.Sync(),
		"stat":  second(os.Stat(d.path("file"))),
		"list":  second(os.ReadDir(d.at)),
		"make":  os.Mkdir(d.path("new"), 0o700),
	} {
		if !errors.Is(failure, syscall.EIO) {
			t.Errorf("%s after the cut: %v, want EIO", act, failure)
		}
	}
	file.Close()
	d.wantLeft(map[string]string{"file": "content"})
}

func second[T any](_ T, err error) error { return err }

func TestAnOrderlyUnmountKeepsEverything(t *testing.T) {
	d := newDisk(t)
	d.must(os.MkdirAll(d.path("a/b"), 0o700))
	d.write("a/b/file", "never synced")
	d.write("other", "neither")
	d.must(d.mounted.Unmount())
	d.wantLeft(map[string]string{"a/": "", "a/b/": "", "a/b/file": "never synced", "other": "neither"})
}

// A disk that was writing back when the power went: each sector is the old or the new, and with a
// hundred of them both happen.
func TestACutWhileTheDiskIsWritingLeavesSomeSectors(t *testing.T) {
	d := newDisk(t)
	const sectors, size = 100, 512
	d.write("file", strings.Repeat("o", sectors*size))
	d.sync("file", ".")
	d.write("aside", "its name was never synced")
	file, err := os.OpenFile(d.path("file"), os.O_WRONLY, 0)
	d.must(err)
	file.WriteString(strings.Repeat("n", sectors*size))
	file.Close()
	d.mounted.CutPowerWriting(7)
	left := d.left()
	if len(left) != 1 || len(left["file"]) != sectors*size {
		t.Fatalf("left %d files, the one of %d bytes", len(left), len(left["file"]))
	}
	kinds := map[string]int{}
	for sector := range slices.Chunk([]byte(left["file"]), size) {
		kinds[string(sector)]++
	}
	old, new := kinds[strings.Repeat("o", size)], kinds[strings.Repeat("n", size)]
	if old+new != sectors || old < 20 || new < 20 {
		t.Errorf("%d old and %d new sectors of %d", old, new, sectors)
	}
}

// Random writes, truncations, syncs and reads on one file, beside the same on a slice of bytes.
func TestReadsReturnWhatWasWrittenAndCutsWhatWasSynced(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			d := newDisk(t)
			d.write("file", "")
			d.sync(".")
			file, err := os.OpenFile(d.path("file"), os.O_RDWR, 0)
			d.must(err)
			var live, synced []byte
			for range 600 {
				offset, length := random.IntN(40_000), random.IntN(9_000)
				switch random.IntN(8) {
				case 0, 1, 2, 3:
					chunk := bytes.Repeat([]byte{byte('a' + random.IntN(26))}, length)
					second(file.WriteAt(chunk, int64(offset)))
					if grown := offset + length; length > 0 && grown > len(live) {
						live = append(live, make([]byte, grown-len(live))...)
					}
					if length > 0 {
						copy(live[offset:], chunk)
					}
				case 4:
					d.must(file.Truncate(int64(offset)))
					live = append(live[:min(offset, len(live))], make([]byte, max(0, offset-len(live)))...)
				case 5:
					d.must(file.Sync())
					synced = slices.Clone(live)
				default:
					into := make([]byte, length)
					count, _ := file.ReadAt(into, int64(offset))
					want := live[min(offset, len(live)):min(offset+length, len(live))]
					if !bytes.Equal(into[:count], want) {
						t.Fatalf("read %d bytes at %d and they are not the ones written", length, offset)
					}
				}
			}
			file.Close()
			d.mounted.CutPower()
			if left := d.left()["file"]; left != string(synced) {
				t.Errorf("%d bytes left, not the %d of the last sync", len(left), len(synced))
			}
		})
	}
}

// Random names made, moved, linked, removed and synced in two folders, beside the same on maps.
func TestNamesAreThoseOfTheLastSyncOfTheirFolder(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			d := newDisk(t)
			folders := []string{"a", "b"}
			live, synced := map[string]map[string]string{}, map[string]map[string]string{}
			for _, folder := range folders {
				d.must(os.Mkdir(d.path(folder), 0o700))
				live[folder], synced[folder] = map[string]string{}, map[string]string{}
			}
			d.sync(".")
			any := func() (folder, name string) {
				return folders[random.IntN(2)], fmt.Sprint("name", random.IntN(6))
			}
			for act := range 600 {
				folder, name := any()
				other, newName := any()
				path, newPath := d.path(folder+"/"+name), d.path(other+"/"+newName)
				content, there := live[folder][name]
				_, newThere := live[other][newName]
				switch random.IntN(6) {
				case 0, 1:
					d.must(errors.Join(removeIfThere(path)))
					content = fmt.Sprint("content ", act)
					d.write(folder+"/"+name, content)
					d.sync(folder + "/" + name)
					live[folder][name] = content
				case 2:
					if there {
						d.must(os.Rename(path, newPath))
						if path != newPath && !(newThere && live[other][newName] == content) { // not two names of one file
							delete(live[folder], name)
							live[other][newName] = content
						}
					}
				case 3:
					if there && !newThere {
						d.must(os.Link(path, newPath))
						live[other][newName] = content
					}
				case 4:
					if there {
						d.must(os.Remove(path))
						delete(live[folder], name)
					}
				case 5:
					d.sync(folder)
					synced[folder] = maps.Clone(live[folder])
				}
			}
			seen := map[string]string{"a/": "", "b/": ""}
			want := maps.Clone(seen)
			for _, folder := range folders {
				entries, err := os.ReadDir(d.path(folder))
				d.must(err)
				for _, entry := range entries {
					content, err := os.ReadFile(d.path(folder + "/" + entry.Name()))
					d.must(err)
					seen[folder+"/"+entry.Name()] = string(content)
				}
				for name, content := range synced[folder] {
					want[folder+"/"+name] = content
				}
				for name, content := range live[folder] {
					if seen[folder+"/"+name] != content {
						t.Errorf("%s/%s holds %q, not %q", folder, name, seen[folder+"/"+name], content)
					}
					delete(seen, folder+"/"+name)
				}
			}
			if len(seen) != 2 {
				t.Errorf("more names than were given: %v", seen)
			}
			d.mounted.CutPower()
			d.wantLeft(want)
		})
	}
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
