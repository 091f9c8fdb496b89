package seal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"vigie/internal/fault"
)

// KeyFile is the default custodian: one file that only its owner may read, holding the root and the
// epoch keys. On one machine it lies beside nothing else; several nodes share it on common storage,
// and each reads it again when it changed. It is replaced, never written in place, and beside it a
// lock file ("….lock") gives the turn.
type KeyFile struct {
	path string

	mu       sync.Mutex
	seen     stamp // of the file as it was read last
	ring     *keyring
	reported stamp // of the unreadable file that the log already speaks of
}

// stamp tells one state of the file from the next.
type stamp struct {
	inode          uint64
	size           int64
	modified, meta int64
}

// FileCustodian returns the custodian that keeps its keys in the file at path. A file that others than
// its owner may touch is refused: fault.Invalid "fault.seal.key_file_mode". One that cannot be
// understood is "fault.seal.key_file_broken". A missing file is no error here; Open has it made for a
// record that has never had keys, and refuses otherwise.
func FileCustodian(path string) (Custodian, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	f := &KeyFile{path: path}
	if _, err := f.current(); err != nil {
		return nil, err
	}
	return f, nil
}

// Path returns where the file lies.
func (f *KeyFile) Path() string { return f.path }

// current returns the keys as the file says them now. A node that has keys keeps using them when the
// file cannot be read any more (storage away, a mode made wider): children are waiting, and the log and
// doctor speak of it. What it may have missed, a new epoch, the record makes it notice (see NewKey).
func (f *KeyFile) current() (*keyring, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	st, err := os.Stat(f.path)
	if err == nil {
		now := stampOf(st)
		if f.ring != nil && now == f.seen {
			return f.ring, nil
		}
		var ring *keyring
		var read stamp
		if ring, read, err = readKeyFile(f.path); err == nil {
			f.ring, f.seen, f.reported = ring, read, stamp{}
			return ring, nil
		}
		if f.ring != nil && f.reported != now {
			f.reported = now
			slog.Error("seal: the key file cannot be read any more; this node goes on with the keys it has", "cause", err)
		}
	}
	switch {
	case f.ring != nil:
		return f.ring, nil
	case errors.Is(err, fs.ErrNotExist):
		return &keyring{}, nil
	}
	return nil, err
}

// fresh returns the keys as the file says them now, or fails: nothing is changed on a guess.
func (f *KeyFile) fresh() (*keyring, error) {
	ring, read, err := readKeyFile(f.path)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.ring == nil:
		return &keyring{}, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Wrap(err, fault.Unavailable, "fault.seal.key_file_missing", "path", f.path)
	case err != nil:
		return nil, err
	}
	f.ring, f.seen = ring, read
	return ring, nil
}

func stampOf(st fs.FileInfo) stamp {
	s := stamp{size: st.Size(), modified: st.ModTime().UnixNano()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		s.inode, s.meta = sys.Ino, sys.Ctim.Nano()
	}
	return s
}

// readKeyFile checks the mode of the file it opened, not of a name that may point elsewhere a moment later.
func readKeyFile(path string) (*keyring, stamp, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, stamp{}, fault.Wrap(err, fault.Unavailable, "fault.seal.key_file_missing", "path", path)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, stamp{}, err
	}
	if !st.Mode().IsRegular() || st.Mode().Perm()&0o077 != 0 {
		return nil, stamp{}, fault.New(fault.Invalid, "fault.seal.key_file_mode", "path", path, "mode", fmt.Sprintf("%04o", st.Mode().Perm()))
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return nil, stamp{}, err
	}
	ring, err := parseKeyring(text)
	if err != nil {
		return nil, stamp{}, fault.Wrap(err, fault.Invalid, "fault.seal.key_file_broken", "path", path)
	}
	return ring, stampOf(st), nil
}

// Root implements Custodian.
func (f *KeyFile) Root(context.Context) ([]byte, error) {
	ring, err := f.current()
	if err != nil {
		return nil, err
	}
	if ring.root == nil {
		return nil, ErrNoKeys
	}
	return ring.root, nil
}

// Epochs implements Custodian.
func (f *KeyFile) Epochs(context.Context) ([]Epoch, error) {
	ring, err := f.current()
	if err != nil {
		return nil, err
	}
	epochs := make([]Epoch, 0, len(ring.epochs))
	for _, e := range ring.epochs {
		epochs = append(epochs, e.Epoch)
	}
	return epochs, nil
}

func (f *KeyFile) epoch(number int64) (*epochSecret, error) {
	ring, err := f.current()
	if err != nil {
		return nil, err
	}
	return ring.epoch(number)
}

// Wrap implements Custodian.
func (f *KeyFile) Wrap(_ context.Context, epoch int64, key, bind []byte) ([]byte, error) {
	e, err := f.epoch(epoch)
	if err != nil {
		return nil, err
	}
	return e.wrap.Seal(nil, nil, key, bind), nil
}

// Unwrap implements Custodian.
func (f *KeyFile) Unwrap(_ context.Context, epoch int64, wrapped, bind []byte) ([]byte, error) {
	e, err := f.epoch(epoch)
	if err != nil {
		return nil, err
	}
	key, err := e.wrap.Open(nil, nil, wrapped, bind)
	if err != nil {
		return nil, ErrDamaged
	}
	return key, nil
}

// IndexKey implements Custodian.
func (f *KeyFile) IndexKey(_ context.Context, epoch int64, field string) ([]byte, error) {
	e, err := f.epoch(epoch)
	if err != nil {
		return nil, err
	}
	return derive(e.master, nil, "index "+field), nil
}

// Turn implements Custodian with a lock on the file "….lock", which the kernel gives back when the
// process ends, however it ends.
func (f *KeyFile) Turn(context.Context) (Turn, error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(f.path+".lock", os.O_RDWR|os.O_CREATE, 0o600) // NFS locks only what may be written
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errTurnTaken()
		}
		return nil, err
	}
	if old, err := os.Stat(f.path); err == nil {
		keepOwner(lock, old)
	}
	return &fileTurn{file: f, lock: lock}, nil
}

type fileTurn struct {
	file *KeyFile
	lock *os.File
}

func (t *fileTurn) Release() error { return t.lock.Close() }

func (t *fileTurn) Begin(_ context.Context, now time.Time) (Epoch, error) {
	old, err := t.file.fresh()
	if err != nil {
		return Epoch{}, err
	}
	ring := &keyring{root: old.root, epochs: append([]epochSecret(nil), old.epochs...)}
	if ring.root == nil {
		ring.root = randomKey()
	}
	next := epochSecret{
		Epoch:  Epoch{Number: ring.newest() + 1, Since: now.UTC().Truncate(time.Millisecond)},
		secret: randomKey(),
	}
	ring.epochs = append(ring.epochs, next)
	return next.Epoch, t.file.replace(ring, false)
}

func (t *fileTurn) Destroy(_ context.Context, epoch int64) error {
	ring, err := t.file.fresh()
	if err != nil {
		return err
	}
	if epoch == ring.newest() {
		return fmt.Errorf("seal: epoch %d is in use and is not destroyed", epoch)
	}
	if _, err := ring.epoch(epoch); errors.Is(err, ErrNoEpoch) {
		return nil
	}
	return t.file.replace(ring.without(epoch), true)
}

func randomKey() []byte {
	key := make([]byte, keySize)
	rand.Read(key) // never fails: crypto/rand
	return key
}

// replace puts a new file in the place of the old one: written beside, synced, renamed, and the folder
// synced, so that a crash leaves the one or the other whole. With scramble, the bytes of the old file
// are overwritten afterwards. A disk that writes elsewhere than where it is told (an SSD, a snapshot)
// may keep them all the same; SECURITY.md says so.
func (f *KeyFile) replace(ring *keyring, scramble bool) (err error) {
	old, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(f.path)
	beside := "." + filepath.Base(f.path) + ".new-"
	if err := f.sweep(dir, beside); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, beside+"*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		temp.Close()
		if err != nil {
			os.Remove(temp.Name())
		}
	}()
	if old != nil {
		defer old.Close()
		if st, err := old.Stat(); err == nil {
			keepOwner(temp, st)
		}
	}
	if _, err := temp.Write(ring.format()); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), f.path); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if scramble && old != nil {
		if err := overwrite(old); err != nil {
			slog.Warn("seal: the old key file was replaced but its bytes could not be overwritten", "cause", err)
		}
	}
	_, err = f.fresh()
	return err
}

// sweep removes what a crash in replace left beside the file: it holds keys that this change, or a later
// one, is there to destroy. Only the holder of the turn comes here.
func (f *KeyFile) sweep(dir, beside string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), beside) {
			continue
		}
		left, err := os.OpenFile(filepath.Join(dir, e.Name()), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		err = errors.Join(overwrite(left), os.Remove(left.Name()), left.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

// keepOwner gives the file to the owner of the one it replaces, so that a rotation run by root does not
// shut the server out of its own keys. It fails only for those who need not do it.
func keepOwner(file *os.File, like fs.FileInfo) {
	if sys, ok := like.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		_ = file.Chown(int(sys.Uid), int(sys.Gid))
	}
}

func overwrite(file *os.File) error {
	st, err := file.Stat()
	if err != nil {
		return err
	}
	noise := make([]byte, st.Size())
	rand.Read(noise)
	if _, err := file.WriteAt(noise, 0); err != nil {
		return err
	}
	return file.Sync()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
