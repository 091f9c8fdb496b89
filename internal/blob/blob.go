// Package blob keeps files sealed: pictures that children hand over, voice messages, evidence.
//
// A blob is encrypted while it streams in, never lies in clear on any disk, and has a key of its own: a
// random age identity that is given back to the caller, who seals it in the row that names the blob.
// Erasing the row's key erases the blob wherever copies of it are. What arrives is measured and hashed
// on the way (SHA-256 of the untouched original, for the chain of custody), and either is there whole
// and synced when Put returns, or has left nothing behind.
//
// age (filippo.io/age) because a blob can then be opened with the age program alone, should Vigie be
// gone. The file does not name its recipient, so that the public half of the identity is as secret as
// the private one.
package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/google/uuid"

	"vigie/internal/fault"
	"vigie/internal/store"
)

// Stored is what the caller writes in its row.
type Stored struct {
	ID string
	// Identity opens the blob ("AGE-SECRET-KEY-1…"). It must be sealed before it is written anywhere.
	Identity string
	// Size is the length of the original, in bytes.
	Size int64
	// SHA256 is the hash of the original.
	SHA256 []byte
}

// Disk keeps blobs in a folder:
//
//	<dir>/3f/0193…3f   sealed blobs, by the last two digits of their id
//	<dir>/new/0193…    what is being written; what a crash left there is swept
type Disk struct{ dir string }

// OpenDisk returns the store in a folder, which is made when missing, closed to all others.
func OpenDisk(dir string) (*Disk, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	d := &Disk{dir: dir}
	if err := makeDir(d.unfinished()); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	return d, nil
}

// Unfinished is the folder, inside a Disk's, of what is being written.
const Unfinished = "new"

func (d *Disk) unfinished() string { return filepath.Join(d.dir, Unfinished) }

// path returns where the blob lies. An id that is not one of ours never becomes a path.
func (d *Disk) path(id string) (string, error) {
	if u, err := uuid.Parse(id); err != nil || u.String() != id {
		return "", fault.New(fault.Gone, "fault.blob.gone")
	}
	return filepath.Join(d.dir, id[len(id)-2:], id), nil
}

// Put seals what r gives, max bytes at most, and returns once it is on the disk. It fails, and keeps
// nothing, with
//
//   - fault.TooLarge "fault.blob.too_large" (max in megabytes) as soon as max is passed;
//   - fault.Invalid "fault.blob.cut" when r fails: the sender went away; or r's own fault;
//   - fault.Unavailable "fault.blob.disk" when the disk does: full, read-only, gone.
func (d *Disk) Put(ctx context.Context, r io.Reader, max int64) (Stored, error) {
	s := Stored{ID: store.NewID()}
	path, err := d.path(s.ID)
	if err != nil {
		return Stored{}, err
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return Stored{}, fmt.Errorf("blob: %w", err)
	}
	s.Identity = identity.String()
	temp, err := os.OpenFile(filepath.Join(d.unfinished(), s.ID), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Stored{}, diskFault(err)
	}
	kept := false
	defer func() {
		temp.Close()
		if !kept {
			os.Remove(temp.Name())
		}
	}()
	in := &input{ctx: ctx, r: r, left: max}
	if s.Size, s.SHA256, err = seal(temp, in, identity.Recipient()); err != nil {
		switch {
		case in.passed:
			return Stored{}, fault.New(fault.TooLarge, "fault.blob.too_large", "max", max>>20)
		case fault.As(in.err) != nil: // who gives it knows better what is wrong with it
			return Stored{}, in.err
		case in.err != nil:
			return Stored{}, fault.Wrap(in.err, fault.Invalid, "fault.blob.cut")
		}
		return Stored{}, diskFault(err)
	}
	if err := publish(temp, path); err != nil {
		os.Remove(path) // it may be there already, with its folder not synced
		return Stored{}, diskFault(err)
	}
	kept = true
	return s, nil
}

// diskFault keeps the path out of the sentence and in the log; it holds ids only.
func diskFault(err error) error { return fault.Wrap(err, fault.Unavailable, "fault.blob.disk") }

// seal encrypts all of in to w and returns the length and hash of what it read.
func seal(w io.Writer, in io.Reader, to age.Recipient) (int64, []byte, error) {
	sealing, err := age.Encrypt(w, to)
	if err != nil {
		return 0, nil, err
	}
	hash := sha256.New()
	// The hash is in front: what is hashed is what was read, whatever becomes of it behind.
	size, err := io.Copy(sealing, io.TeeReader(in, hash))
	if err == nil {
		err = sealing.Close()
	}
	return size, hash.Sum(nil), err
}

// publish syncs the finished file, gives it its name and syncs the folders, so that a crash leaves it
// there whole or not at all.
func publish(temp *os.File, path string) error {
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	if err := makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// makeDir makes a folder closed to others and durable, with those above it.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// input reads at most so many bytes, ends with its context, and remembers why it ended, so that a
// sender's fault is told from the disk's.
type input struct {
	ctx    context.Context
	r      io.Reader
	left   int64
	passed bool
	err    error
}

var errPassed = errors.New("blob: more bytes than allowed")

func (in *input) Read(p []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		in.err = err
		return 0, err
	}
	// One byte more than is left is asked for, to tell the end from one byte too many.
	if int64(len(p)) > in.left+1 {
		p = p[:in.left+1]
	}
	n, err := in.r.Read(p)
	if int64(n) > in.left {
		in.passed = true
		return 0, errPassed
	}
	in.left -= int64(n)
	if err != nil && err != io.EOF {
		in.err = err
	}
	return n, err
}

// Get opens a blob for reading from its beginning. What it reads is as it was put, or the reading ends
// with fault.Internal "fault.blob.broken": a piece of 64 KiB is never given out before it is
// authenticated, and a blob that was cut short fails at its end. fault.Gone "fault.blob.gone" when there
// is no such blob; fault.Internal "fault.blob.broken" when the identity is not the blob's.
func (d *Disk) Get(ctx context.Context, id, identity string) (io.ReadCloser, error) {
	path, err := d.path(id)
	if err != nil {
		return nil, err
	}
	key, err := age.ParseX25519Identity(identity)
	if err != nil {
		// Not the cause: it may repeat the identity.
		return nil, fault.Wrap(errors.New("blob: the identity cannot be read"), fault.Internal, "fault.blob.broken")
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Gone, "fault.blob.gone")
	}
	if err != nil {
		return nil, diskFault(err)
	}
	plain, err := age.Decrypt(file, key)
	if err != nil {
		file.Close()
		return nil, fault.Wrap(err, fault.Internal, "fault.blob.broken")
	}
	return &opened{ctx: ctx, plain: plain, file: file}, nil
}

type opened struct {
	ctx   context.Context
	plain io.Reader
	file  *os.File
}

func (o *opened) Read(p []byte) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := o.plain.Read(p)
	if err != nil && err != io.EOF {
		err = fault.Wrap(err, fault.Internal, "fault.blob.broken")
	}
	return n, err
}

func (o *opened) Close() error { return o.file.Close() }

// Remove takes the blob away, durably. One that is not there is no error. The bytes may stay on the
// medium; what makes them worthless is that the row's key, and with it the identity, is destroyed.
func (d *Disk) Remove(_ context.Context, id string) error {
	path, err := d.path(id)
	if err != nil {
		return nil
	}
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return diskFault(err)
	}
	return nil
}

// Has says whether a blob is there.
func (d *Disk) Has(id string) bool {
	path, err := d.path(id)
	if err != nil {
		return false
	}
	_, err = os.Stat(path)
	return err == nil
}

// Left counts what crashes left half written before a time: what Sweep would take away.
func (d *Disk) Left(before time.Time) (int, error) {
	entries, err := os.ReadDir(d.unfinished())
	if err != nil {
		return 0, diskFault(err)
	}
	left := 0
	for _, e := range entries {
		if st, err := e.Info(); err == nil && st.Mode().IsRegular() && st.ModTime().Before(before) {
			left++
		}
	}
	return left, nil
}

// Lost is the folder, inside a Disk's, of what no row named. A file stays there for keepLost; whoever restores a
// record that names it moves it back.
const (
	Lost     = "lost"
	keepLost = 30 * 24 * time.Hour
)

// SetAside moves a blob to Lost.
func (d *Disk) SetAside(id string) error {
	path, err := d.path(id)
	if err != nil {
		return nil
	}
	aside := filepath.Join(d.dir, Lost)
	if err := makeDir(aside); err != nil {
		return diskFault(err)
	}
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return diskFault(err)
	}
	if err := os.Rename(path, filepath.Join(aside, id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return diskFault(err)
	}
	return nil
}

// Sweep takes away what crashes left half written before a time, and what has been in Lost for its time, and returns how many. Nobody waits
// longer than the time-out of an upload; an hour ago is a good time.
func (d *Disk) Sweep(ctx context.Context, before time.Time) (int, error) {
	swept, err := sweepFolder(ctx, d.unfinished(), before)
	if err != nil {
		return swept, err
	}
	lost, err := sweepFolder(ctx, filepath.Join(d.dir, Lost), before.Add(-keepLost))
	return swept + lost, err
}

func sweepFolder(ctx context.Context, folder string, before time.Time) (swept int, err error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, diskFault(err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return swept, err
		}
		st, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // finished just now
		}
		if err != nil {
			return swept, diskFault(err)
		}
		if st.Mode().IsRegular() && st.ModTime().Before(before) {
			if err := os.Remove(filepath.Join(folder, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return swept, diskFault(err)
			}
			swept++
		}
	}
	return swept, nil
}

// Each calls fn with the id of every blob that was finished before a time, so that its owner can Remove
// the ones that no row names (a crash came between Put and the row). It ends at fn's first error.
func (d *Disk) Each(ctx context.Context, before time.Time, fn func(id string) error) error {
	folders, err := os.ReadDir(d.dir)
	if err != nil {
		return diskFault(err)
	}
	for _, folder := range folders {
		if !folder.IsDir() || len(folder.Name()) != 2 {
			continue
		}
		blobs, err := os.ReadDir(filepath.Join(d.dir, folder.Name()))
		if err != nil {
			return diskFault(err)
		}
		for _, b := range blobs {
			if err := ctx.Err(); err != nil {
				return err
			}
			st, err := b.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return diskFault(err)
			}
			if !strings.HasSuffix(b.Name(), folder.Name()) || !st.ModTime().Before(before) {
				continue
			}
			if err := fn(b.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}
