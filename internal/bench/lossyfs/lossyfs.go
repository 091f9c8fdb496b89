//go:build linux

// Package lossyfs is a file system that forgets, for `vigie bench crash --fault power`. Killing a
// server cannot show that it syncs what it acknowledges: the kernel's page cache outlives the process.
// This one keeps in memory whatever was written and not yet synced, and drops it when the power is cut.
//
// It is a loopback over FUSE: it shows a backing folder at a mount point. What a power cut would leave
// is at any moment exactly what lies in the backing folder, so after the cut that folder is opened
// directly, as a disk would be by the machine that starts again. The rules:
//
//   - A file's bytes, length and mode reach the disk when that file is synced (fsync, fdatasync, or a
//     write through O_SYNC or O_DSYNC), and not before. Closing a file syncs nothing; sync(2) does not
//     reach us.
//   - A name (create, link, rename, unlink, mkdir, rmdir) reaches the disk when its folder is synced,
//     and not before. This is POSIX taken at its word, stricter than ext4, whose journal carries the
//     name of a new file along when the file is synced, and writes both halves of a rename between two
//     folders at once. Here each folder must be synced.
//   - Times and owners are kept while mounted and not beyond.
//   - fcntl and flock locks and shared mappings are the kernel's own and work, so SQLite's write-ahead
//     log with its mapped -shm file does.
//
// # Not from the process that serves it
//
// A page fault on a mapped file stops its thread where Go's scheduler cannot see it. If the same
// process serves that page, collecting garbage waits for the thread, the thread for the server, and
// the server for the collector. So whatever maps files (SQLite does) runs in another process than the
// one that calls [Mount]; plain reads and writes are safe from both.
package lossyfs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// unnamedFolder, within the backing folder while mounted, holds every file that lives, under its
// number: a file can be synced before its name is.
const unnamedFolder = ".lossyfs"

// FS is a mounted file system. Its methods may be called from any goroutine.
type FS struct {
	fuse.RawFileSystem // answers "not supported" to what is not implemented here

	server  *fuse.Server
	backing string

	// mu guards everything below and every node, and is held through a sync: a power cut comes between
	// two operations, never within one.
	mu       sync.Mutex
	nodes    map[uint64]*node // by number, which is the kernel's node id as well
	last     uint64           // the number given last
	listings map[uint64][]fuse.DirEntry
	cut      bool
}

// Possible says whether this machine can mount: nil, or what is missing, as a sentence's end.
func Possible() error {
	if os.Geteuid() != 0 {
		return errors.New("mounting a file system needs root")
	}
	device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("the kernel's FUSE is needed: %w", err)
	}
	return device.Close()
}

// Mount shows the backing folder at dir; both exist. Anything but files and folders in the backing
// folder is refused.
func Mount(dir, backing string) (*FS, error) {
	if err := Possible(); err != nil {
		return nil, err
	}
	f := &FS{
		RawFileSystem: fuse.NewDefaultRawFileSystem(),
		backing:       backing,
		nodes:         map[uint64]*node{},
		listings:      map[uint64][]fuse.DirEntry{},
	}
	disk, err := os.Stat(backing)
	if err != nil {
		return nil, err
	}
	unnamed := filepath.Join(backing, unnamedFolder)
	if err := os.RemoveAll(unnamed); err != nil { // left by a mount that was killed
		return nil, err
	}
	if err := os.Mkdir(unnamed, 0o700); err != nil {
		return nil, err
	}
	root := f.loaded(disk)
	root.links = 1
	if err := f.load(root, backing, map[uint64]*node{}); err != nil {
		return nil, errors.Join(err, os.RemoveAll(unnamed))
	}
	server, err := fuse.NewServer(f, dir, &fuse.MountOptions{
		FsName: backing, Name: "lossyfs",
		// Without the fusermount program of Debian's fuse3, which only serves those who are not root.
		DirectMountStrict: true,
		AllowOther:        true,
		Options:           []string{"default_permissions"}, // the kernel checks modes
		// Nothing changes behind the kernel's back, so it need not drop its cache to look again.
		ExplicitDataCacheControl: true,
		DisableXAttrs:            true,
		DisableReadDirPlus:       true,
		MaxWrite:                 1 << 20,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mount %s: %w", dir, err), os.RemoveAll(unnamed))
	}
	f.server = server
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		return nil, errors.Join(fmt.Errorf("mount %s: %w", dir, err), f.Unmount())
	}
	return f, nil
}

// CutPower drops every byte and every name that was not synced. The backing folder is then what a disk
// would hold, and every later operation under the mount point fails with EIO until Unmount.
func (f *FS) CutPower() { f.cutPower(nil) }

// CutPowerWriting cuts the power while the disk was busy writing back by itself, as it does at any
// moment: of the unsynced sectors of 512 bytes each has reached the disk or has not, as the seed
// decides, whatever their order was. Names not synced are dropped, as by CutPower.
func (f *FS) CutPowerWriting(seed uint64) {
	f.cutPower(rand.New(rand.NewPCG(seed, seed)))
}

func (f *FS) cutPower(reached *rand.Rand) {
	f.mu.Lock()
	if f.cut {
		f.mu.Unlock()
		return
	}
	if reached != nil {
		for id := uint64(1); id <= f.last; id++ { // in order, so that a seed always does the same
			if n := f.nodes[id]; n != nil {
				n.writeSome(f, reached)
			}
		}
	}
	f.cut = true
	f.close()
	var cached []uint64
	for id := range f.nodes {
		cached = append(cached, id)
	}
	f.mu.Unlock()
	// What the kernel still has in its cache would be read on. It may first want to write a mapped page
	// back, and is refused: not under the lock, for it waits for our answer.
	for _, id := range cached {
		f.server.InodeNotify(id, 0, 0)
	}
}

// Unmount ends the mount. Without a power cut before it, everything is synced first, as on a machine
// that is shut down in order. It fails while a process still has something open under the mount point.
func (f *FS) Unmount() error {
	if err := f.server.Unmount(); err != nil {
		return fmt.Errorf("unmount: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		return nil
	}
	f.cut = true
	defer f.close()
	return f.syncAll(f.nodes[fuse.FUSE_ROOT_ID])
}

// close leaves the backing folder as it stands on the disk, without the names of ours.
func (f *FS) close() {
	for _, n := range f.nodes {
		n.closeBacking()
	}
	os.RemoveAll(filepath.Join(f.backing, unnamedFolder))
}

// syncAll writes out a folder and everything in it, from the top, so that each folder has its place
// before what is in it.
func (f *FS) syncAll(folder *node) error {
	if err := folder.syncNames(f); err != nil {
		return err
	}
	for _, n := range folder.names {
		if n.isFolder() {
			if err := f.syncAll(n); err != nil {
				return err
			}
		} else if err := n.syncBytes(f); err != nil {
			return err
		}
	}
	return nil
}

// add makes a node that has no name yet.
func (f *FS) add(mode uint32, owner fuse.Owner) *node {
	f.last++
	n := &node{id: f.last, mode: mode, owner: owner, changed: time.Now()}
	if n.isFolder() {
		n.names, n.synced = map[string]*node{}, map[string]*node{}
	} else {
		n.unsynced = map[int64]*[pageSize]byte{}
	}
	f.nodes[n.id] = n
	return n
}

// loaded makes the node of a file or folder that is on the disk already.
func (f *FS) loaded(info os.FileInfo) *node {
	stat := fuse.ToStatT(info)
	n := f.add(stat.Mode, fuse.Owner{Uid: stat.Uid, Gid: stat.Gid})
	n.changed = info.ModTime()
	return n
}

// load reads a folder of the disk into the node, and everything below it. linked has the files met
// already, by the disk's own number, so that two names of one file stay that.
func (f *FS) load(folder *node, path string, linked map[uint64]*node) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if folder.id == fuse.FUSE_ROOT_ID && name == unnamedFolder {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		from := filepath.Join(path, name)
		number := fuse.ToStatT(info).Ino
		n := linked[number]
		switch {
		case n != nil:
		case info.IsDir():
			n = f.loaded(info)
			n.place, n.placeName = folder, name
			if err := f.load(n, from, linked); err != nil {
				return err
			}
		case info.Mode().IsRegular():
			n = f.loaded(info)
			n.size, n.kept, n.stored = info.Size(), info.Size(), info.Size()
			if err := os.Link(from, n.backingPath(f)); err != nil {
				return err
			}
			linked[number] = n
		default:
			return fmt.Errorf("%s is neither a file nor a folder", from)
		}
		n.links++
		folder.names[name], folder.synced[name] = n, n
	}
	return nil
}
