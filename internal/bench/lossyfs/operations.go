//go:build linux

package lossyfs

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// The operations the kernel asks for. Each runs alone, and after a power cut none runs any more.

// String names the file system in go-fuse's own messages.
func (f *FS) String() string { return "lossyfs" }

// powered runs one operation.
func (f *FS) powered(operation func() fuse.Status) fuse.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		return fuse.EIO
	}
	return operation()
}

// status is what a failure of the backing folder looks like from above.
func status(err error) fuse.Status {
	if err != nil {
		return fuse.EIO
	}
	return fuse.OK
}

func (f *FS) attributes(n *node, out *fuse.Attr) {
	out.Ino, out.Mode, out.Nlink, out.Owner = n.id, n.mode, n.links, n.owner
	out.Size, out.Blocks, out.Blksize = uint64(n.size), uint64(n.size+511)/512, pageSize
	out.SetTimes(&n.changed, &n.changed, &n.changed)
}

// entry hands a node to the kernel, which from now on holds a reference to it. The times it may
// believe its copy stay zero: after a power cut it must ask, and be refused.
func (f *FS) entry(n *node, out *fuse.EntryOut) {
	n.lookups++
	out.NodeId = n.id
	f.attributes(n, &out.Attr)
}

// release forgets a node that has no name, is not open and is not known to the kernel.
func (f *FS) release(n *node) {
	if n.links == 0 && n.lookups == 0 && f.nodes[n.id] == n {
		delete(f.nodes, n.id)
		n.discard(f)
	}
}

// Lookup finds a name.
func (f *FS) Lookup(_ <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	return f.powered(func() fuse.Status {
		n := f.nodes[in.NodeId].names[name]
		if n == nil {
			return fuse.ENOENT
		}
		f.entry(n, out)
		return fuse.OK
	})
}

// Forget gives references back. It goes on after a power cut: the nodes are only memory then.
func (f *FS) Forget(id, count uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodes[id]
	if n == nil {
		return
	}
	n.lookups -= min(count, n.lookups)
	if !f.cut {
		f.release(n)
	}
}

// GetAttr tells size, mode and times.
func (f *FS) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	return f.powered(func() fuse.Status {
		f.attributes(f.nodes[in.NodeId], &out.Attr)
		return fuse.OK
	})
}

// SetAttr truncates, and changes mode, owner and time of change.
func (f *FS) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	return f.powered(func() fuse.Status {
		n := f.nodes[in.NodeId]
		if size, ok := in.GetSize(); ok {
			n.truncate(int64(size))
		}
		if mode, ok := in.GetMode(); ok {
			n.mode = n.mode&syscall.S_IFMT | mode&0o7777
		}
		if uid, ok := in.GetUID(); ok {
			n.owner.Uid = uid
		}
		if gid, ok := in.GetGID(); ok {
			n.owner.Gid = gid
		}
		if changed, ok := in.GetMTime(); ok {
			n.changed = changed
		}
		f.attributes(n, &out.Attr)
		return fuse.OK
	})
}

// Access is left to the kernel, which knows modes and owners.
func (f *FS) Access(_ <-chan struct{}, _ *fuse.AccessIn) fuse.Status { return fuse.ENOSYS }

// name puts a new node under a name of a folder.
func (f *FS) name(folder *node, name string, n *node) {
	folder.names[name] = n
	folder.changed = time.Now()
	n.links++
}

// unname takes a name away; what stood under it may end with it.
func (f *FS) unname(folder *node, name string) {
	n := folder.names[name]
	delete(folder.names, name)
	folder.changed = time.Now()
	n.links--
	f.release(n)
}

// newFile makes a file without a name, empty on the disk.
func (f *FS) newFile(mode uint32, owner fuse.Owner) (*node, error) {
	n := f.add(fuse.S_IFREG|mode&0o7777, owner)
	file, err := os.OpenFile(n.backingPath(f), os.O_RDWR|os.O_CREATE|os.O_EXCL, os.FileMode(mode).Perm())
	if err != nil {
		delete(f.nodes, n.id)
		return nil, err
	}
	n.backing, n.opened = file, 1
	return n, nil
}

// Create makes a file and opens it.
func (f *FS) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	return f.powered(func() fuse.Status {
		folder := f.nodes[in.NodeId]
		if folder.names[name] != nil {
			return fuse.Status(syscall.EEXIST)
		}
		n, err := f.newFile(in.Mode, in.Owner)
		if err != nil {
			return fuse.EIO
		}
		f.name(folder, name, n)
		f.entry(n, &out.EntryOut)
		f.answerOpen(in.Flags, &out.OpenOut)
		return fuse.OK
	})
}

// Mkdir makes a folder.
func (f *FS) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	return f.powered(func() fuse.Status {
		n := f.add(fuse.S_IFDIR|in.Mode&0o7777, in.Owner)
		if err := os.Mkdir(n.backingPath(f), os.FileMode(in.Mode).Perm()); err != nil {
			delete(f.nodes, n.id)
			return fuse.EIO
		}
		f.name(f.nodes[in.NodeId], name, n)
		f.entry(n, out)
		return fuse.OK
	})
}

// Link gives a file one more name.
func (f *FS) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	return f.powered(func() fuse.Status {
		n := f.nodes[in.Oldnodeid]
		f.name(f.nodes[in.NodeId], name, n)
		f.entry(n, out)
		return fuse.OK
	})
}

// Unlink takes a file's name away.
func (f *FS) Unlink(_ <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return f.powered(func() fuse.Status {
		f.unname(f.nodes[in.NodeId], name)
		return fuse.OK
	})
}

// Rmdir removes an empty folder.
func (f *FS) Rmdir(_ <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return f.powered(func() fuse.Status {
		folder := f.nodes[in.NodeId]
		if len(folder.names[name].names) > 0 {
			return fuse.Status(syscall.ENOTEMPTY)
		}
		f.unname(folder, name)
		return fuse.OK
	})
}

// Rename moves a name, over another if there is one and it may be replaced.
func (f *FS) Rename(_ <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	return f.powered(func() fuse.Status {
		from, to := f.nodes[in.NodeId], f.nodes[in.Newdir]
		n, replaced := from.names[oldName], to.names[newName]
		switch {
		case in.Flags&^unix.RENAME_NOREPLACE != 0:
			return fuse.EINVAL
		case replaced == n: // two names of one file: POSIX leaves both
			return fuse.OK
		case replaced != nil && in.Flags&unix.RENAME_NOREPLACE != 0:
			return fuse.Status(syscall.EEXIST)
		case replaced != nil && len(replaced.names) > 0:
			return fuse.Status(syscall.ENOTEMPTY)
		case replaced != nil:
			f.unname(to, newName)
		}
		f.name(to, newName, n)
		f.unname(from, oldName)
		return fuse.OK
	})
}

// Open opens a file.
func (f *FS) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	return f.powered(func() fuse.Status {
		f.nodes[in.NodeId].opened++
		f.answerOpen(in.Flags, out)
		return fuse.OK
	})
}

// answerOpen lets the kernel keep what it has cached of the file, and remembers in the handle, which
// comes back with each write, whether writes sync by themselves.
func (f *FS) answerOpen(flags uint32, out *fuse.OpenOut) {
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	out.Fh = uint64(flags & syscall.O_DSYNC) // O_SYNC has this bit too
}

// Read reads from memory and disk.
func (f *FS) Read(_ <-chan struct{}, in *fuse.ReadIn, into []byte) (fuse.ReadResult, fuse.Status) {
	count := 0
	answer := f.powered(func() fuse.Status {
		var err error
		count, err = f.nodes[in.NodeId].read(f, into, int64(in.Offset))
		return status(err)
	})
	return fuse.ReadResultData(into[:count]), answer
}

// Write writes to memory.
func (f *FS) Write(_ <-chan struct{}, in *fuse.WriteIn, from []byte) (uint32, fuse.Status) {
	answer := f.powered(func() fuse.Status {
		n := f.nodes[in.NodeId]
		if err := n.write(f, from, int64(in.Offset)); err != nil {
			return fuse.EIO
		}
		if in.Fh != 0 {
			return status(n.syncBytes(f))
		}
		return fuse.OK
	})
	return uint32(len(from)), answer
}

// Flush is close(2), which syncs nothing.
func (f *FS) Flush(_ <-chan struct{}, _ *fuse.FlushIn) fuse.Status {
	return f.powered(func() fuse.Status { return fuse.OK })
}

// Fsync is fsync and fdatasync of a file.
func (f *FS) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return f.powered(func() fuse.Status { return status(f.nodes[in.NodeId].syncBytes(f)) })
}

// Release closes what was opened.
func (f *FS) Release(_ <-chan struct{}, in *fuse.ReleaseIn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodes[in.NodeId]
	if n == nil {
		return
	}
	if n.opened--; n.opened == 0 {
		n.closeBacking()
	}
}

// OpenDir takes down the folder's names, which a listing then returns whatever happens meanwhile.
func (f *FS) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	return f.powered(func() fuse.Status {
		folder := f.nodes[in.NodeId]
		listing := []fuse.DirEntry{}
		for i, name := range slices.Sorted(maps.Keys(folder.names)) {
			n := folder.names[name]
			listing = append(listing, fuse.DirEntry{Name: name, Mode: n.mode, Ino: n.id, Off: uint64(i + 1)})
		}
		f.last++
		out.Fh = f.last
		f.listings[out.Fh] = listing
		return fuse.OK
	})
}

// ReadDir returns the next names of a listing.
func (f *FS) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return f.powered(func() fuse.Status {
		listing := f.listings[in.Fh]
		for _, entry := range listing[min(in.Offset, uint64(len(listing))):] {
			if !out.AddDirEntry(entry) {
				break
			}
		}
		return fuse.OK
	})
}

// ReleaseDir ends a listing.
func (f *FS) ReleaseDir(in *fuse.ReleaseIn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.listings, in.Fh)
}

// FsyncDir is fsync of a folder.
func (f *FS) FsyncDir(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return f.powered(func() fuse.Status { return status(f.nodes[in.NodeId].syncNames(f)) })
}

// StatFs tells the room left, which is the disk's.
func (f *FS) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	return f.powered(func() fuse.Status {
		var disk syscall.Statfs_t
		if err := syscall.Statfs(filepath.Clean(f.backing), &disk); err != nil {
			return fuse.EIO
		}
		out.FromStatfsT(&disk)
		return fuse.OK
	})
}
