//go:build linux

package lossyfs

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

const (
	pageSize   = 4096
	sectorSize = 512 // what a disk writes whole or not at all
)

// node is a file or a folder, as the programs see it and as the disk has it. FS.mu guards it.
type node struct {
	id      uint64
	mode    uint32 // with the bits that say file or folder
	owner   fuse.Owner
	changed time.Time

	links   uint32 // names the programs see; for a folder 1, or 0 when it was removed
	lookups uint64 // references the kernel holds

	// Of a file: the programs see `size` bytes, taken page by page from unsynced, else from the first
	// `kept` bytes of the backing file (a truncation lowers it), else zeros.
	size     int64
	kept     int64
	stored   int64 // length of the backing file
	unsynced map[int64]*[pageSize]byte
	backing  *os.File // open while somebody has the file open
	opened   int

	// Of a folder: its names as the programs see them and as the disk has them, and where the disk has
	// the folder itself (nowhere yet when nil; the root has no place either).
	names     map[string]*node
	synced    map[string]*node
	place     *node
	placeName string
}

func (n *node) isFolder() bool { return n.mode&syscall.S_IFMT == fuse.S_IFDIR }

// backingPath is where the disk has a folder, or the name of ours under which a file is always found.
func (n *node) backingPath(f *FS) string {
	switch {
	case n.id == fuse.FUSE_ROOT_ID:
		return f.backing
	case n.place != nil:
		return filepath.Join(n.place.backingPath(f), n.placeName)
	default:
		return filepath.Join(f.backing, unnamedFolder, strconv.FormatUint(n.id, 10))
	}
}

func (n *node) openBacking(f *FS) error {
	if n.backing != nil {
		return nil
	}
	file, err := os.OpenFile(n.backingPath(f), os.O_RDWR, 0)
	n.backing = file
	return err
}

func (n *node) closeBacking() {
	if n.backing != nil {
		n.backing.Close()
		n.backing = nil
	}
}

// page fills into with the page as the disk has it, as far as the programs may still see that.
func (n *node) page(f *FS, number int64, into *[pageSize]byte) error {
	clear(into[:])
	begin := number * pageSize
	length := min(n.kept-begin, pageSize)
	if length <= 0 {
		return nil
	}
	if err := n.openBacking(f); err != nil {
		return err
	}
	_, err := n.backing.ReadAt(into[:length], begin)
	return err
}

// read fills into from the offset, and returns how many bytes there were.
func (n *node) read(f *FS, into []byte, offset int64) (int, error) {
	end := min(offset+int64(len(into)), n.size)
	var scratch [pageSize]byte
	done := 0
	for at := offset; at < end; {
		number, within := at/pageSize, at%pageSize
		page := n.unsynced[number]
		if page == nil {
			page = &scratch
			if err := n.page(f, number, page); err != nil {
				return 0, err
			}
		}
		count := copy(into[done:end-offset], page[within:])
		done += count
		at += int64(count)
	}
	return done, nil
}

// write keeps the bytes in memory.
func (n *node) write(f *FS, from []byte, offset int64) error {
	for len(from) > 0 {
		number, within := offset/pageSize, offset%pageSize
		page := n.unsynced[number]
		if page == nil {
			page = new([pageSize]byte)
			if err := n.page(f, number, page); err != nil {
				return err
			}
			n.unsynced[number] = page
		}
		count := copy(page[within:], from)
		from, offset = from[count:], offset+int64(count)
		n.size = max(n.size, offset)
	}
	n.changed = time.Now()
	return nil
}

// truncate changes the length; what is beyond it reads as zeros should the file grow again.
func (n *node) truncate(size int64) {
	for number, page := range n.unsynced {
		switch begin := number * pageSize; {
		case begin >= size:
			delete(n.unsynced, number)
		case begin+pageSize > size:
			clear(page[size-begin:])
		}
	}
	n.kept = min(n.kept, size)
	n.size = size
	n.changed = time.Now()
}

// syncBytes brings the disk up to what the programs see of a file.
func (n *node) syncBytes(f *FS) error {
	if err := n.openBacking(f); err != nil {
		return err
	}
	if n.kept < n.stored {
		if err := n.backing.Truncate(n.kept); err != nil {
			return err
		}
	}
	for _, number := range slices.Sorted(maps.Keys(n.unsynced)) {
		begin := number * pageSize
		if _, err := n.backing.WriteAt(n.unsynced[number][:min(n.size-begin, pageSize)], begin); err != nil {
			return err
		}
	}
	err := errors.Join(n.backing.Truncate(n.size), n.backing.Chmod(os.FileMode(n.mode).Perm()), n.backing.Sync())
	if err != nil {
		return err
	}
	n.kept, n.stored = n.size, n.size
	clear(n.unsynced)
	if n.opened == 0 {
		n.closeBacking()
	}
	return nil
}

// writeSome lets about half of a file's unsynced sectors reach the disk.
func (n *node) writeSome(f *FS, reached *rand.Rand) {
	for _, number := range slices.Sorted(maps.Keys(n.unsynced)) {
		for sector := range int64(pageSize / sectorSize) {
			begin := number*pageSize + sector*sectorSize
			length := min(n.size-begin, sectorSize)
			if length <= 0 || reached.IntN(2) == 0 || n.openBacking(f) != nil {
				continue
			}
			n.backing.WriteAt(n.unsynced[number][sector*sectorSize:][:length], begin)
		}
	}
}

// syncNames brings the disk up to what the programs see of a folder's names. What comes is put in
// place before what went is taken away.
func (n *node) syncNames(f *FS) error {
	for name, child := range n.names {
		if n.synced[name] != child {
			if err := n.putName(f, name, child); err != nil {
				return err
			}
		}
	}
	for name := range n.synced {
		if n.names[name] == nil {
			if err := n.dropName(f, name); err != nil {
				return err
			}
		}
	}
	folder, err := os.Open(n.backingPath(f))
	if err != nil {
		return err
	}
	return errors.Join(folder.Chmod(os.FileMode(n.mode).Perm()), folder.Sync(), folder.Close())
}

// putName gives a child its name on the disk.
func (n *node) putName(f *FS, name string, child *node) error {
	if n.synced[name] != nil {
		if err := n.dropName(f, name); err != nil {
			return err
		}
	}
	to := filepath.Join(n.backingPath(f), name)
	if !child.isFolder() {
		if err := os.Link(child.backingPath(f), to); err != nil {
			return err
		}
	} else {
		if err := os.Rename(child.backingPath(f), to); err != nil {
			return err
		}
		if child.place != nil { // a folder is in one place only
			delete(child.place.synced, child.placeName)
		}
		child.place, child.placeName = n, name
	}
	n.synced[name] = child
	return nil
}

// dropName takes a name off the disk. A folder goes back to its place among the unnamed: it may be
// about to appear under another name.
func (n *node) dropName(f *FS, name string) error {
	child := n.synced[name]
	from := filepath.Join(n.backingPath(f), name)
	delete(n.synced, name)
	if !child.isFolder() {
		return os.Remove(from)
	}
	child.place, child.placeName = nil, ""
	if err := os.Rename(from, child.backingPath(f)); err != nil {
		return err
	}
	if f.nodes[child.id] == nil {
		return child.discard(f)
	}
	return nil
}

// discard removes from the disk what nothing can reach any more: a file's unnamed link, or a folder
// that has no place.
func (n *node) discard(f *FS) error {
	if !n.isFolder() {
		n.closeBacking()
		return os.Remove(n.backingPath(f))
	}
	if n.place != nil {
		return nil // still on the disk: its own folder was not synced since
	}
	for name := range n.synced {
		if err := n.dropName(f, name); err != nil {
			return err
		}
	}
	return os.Remove(n.backingPath(f))
}
