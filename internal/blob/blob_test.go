package blob_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"vigie/internal/blob"
	"vigie/internal/fault"
)

var ctx = context.Background()

const mega = 1 << 20

func disk(t testing.TB) (*blob.Disk, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blobs")
	d, err := blob.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d, dir
}

func put(t testing.TB, d *blob.Disk, content []byte) blob.Stored {
	t.Helper()
	s, err := d.Put(ctx, bytes.NewReader(content), 25*mega)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(d *blob.Disk, s blob.Stored) ([]byte, error) {
	r, err := d.Get(ctx, s.ID, s.Identity)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// files lists every file below the folder, by its path in it.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantFault(t testing.TB, err error, kind fault.Kind, key string) {
	t.Helper()
	if f := fault.As(err); f == nil || f.Kind != kind || f.Key != key {
		t.Errorf("got %v, want %s (%s)", err, key, kind)
	}
}

// What is put comes back as it was, whatever its length, with its size and hash measured on the way.
func TestPutAndGet(t *testing.T) {
	d, _ := disk(t)
	for _, n := range []int{0, 1, 1000, 64<<10 - 1, 64 << 10, 64<<10 + 1, 128 << 10, mega + 7} {
		content := random(n)
		s := put(t, d, content)
		hash := sha256.Sum256(content)
		if s.Size != int64(n) || !bytes.Equal(s.SHA256, hash[:]) {
			t.Errorf("%d bytes: measured %d, hash agrees %v", n, s.Size, bytes.Equal(s.SHA256, hash[:]))
		}
		if back, err := get(d, s); err != nil || !bytes.Equal(back, content) {
			t.Errorf("%d bytes: %d came back, %v", n, len(back), err)
		}
	}
}

// A reader that gives a byte at a time, or gives its end with its last bytes, is read all the same.
func TestPutFromAnyReader(t *testing.T) {
	d, _ := disk(t)
	content := random(3000)
	for what, r := range map[string]io.Reader{
		"byte by byte":       iotest.OneByteReader(bytes.NewReader(content)),
		"half by half":       iotest.HalfReader(bytes.NewReader(content)),
		"end with the bytes": iotest.DataErrReader(bytes.NewReader(content)),
	} {
		s, err := d.Put(ctx, r, 3000)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if back, err := get(d, s); err != nil || !bytes.Equal(back, content) {
			t.Errorf("%s: %d came back, %v", what, len(back), err)
		}
	}
}

// On the disk there is nothing of the content and nothing that opens it, and nobody else may look.
func TestNothingInClearOnDisk(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	d, dir := disk(t)
	canary := bytes.Repeat([]byte("canary under the lamp "), 10000)
	s := put(t, d, canary)
	if s.Identity == "" || !strings.HasPrefix(s.Identity, "AGE-SECRET-KEY-1") {
		t.Errorf("identity %.16s…", s.Identity)
	}
	if s2 := put(t, d, canary); s2.Identity == s.Identity || s2.ID == s.ID {
		t.Error("two blobs share a key or a name")
	}
	all := files(t, dir)
	if len(all) != 2 {
		t.Fatalf("files: %v", all)
	}
	for _, name := range all {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"canary", s.Identity, s.Identity[20:50]} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds a secret in clear", name)
			}
		}
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		st, _ := e.Info()
		if st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", filepath.Base(path), st.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// endless gives zeros for ever and counts them.
type endless struct{ given int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.given += int64(len(p))
	return len(p), nil
}

// The limit is exact, an endless sender is cut soon after it, and nothing of what is too large is kept.
func TestLimit(t *testing.T) {
	d, dir := disk(t)
	const max = 2 * mega
	if s, err := d.Put(ctx, bytes.NewReader(random(max)), max); err != nil || s.Size != max {
		t.Fatalf("exactly the limit: %d, %v", s.Size, err)
	}
	if s, err := d.Put(ctx, bytes.NewReader(nil), 0); err != nil || s.Size != 0 {
		t.Fatalf("nothing, with nothing allowed: %d, %v", s.Size, err)
	}
	before := files(t, dir)
	for what, r := range map[string]io.Reader{
		"a byte too many": bytes.NewReader(random(max + 1)),
		"byte by byte":    iotest.OneByteReader(bytes.NewReader(random(max + 1))),
		"much too many":   bytes.NewReader(random(3 * max)),
	} {
		s, err := d.Put(ctx, r, max)
		wantFault(t, err, fault.TooLarge, "fault.blob.too_large")
		if err != nil && (len(fault.As(err).Args) != 2 || fault.As(err).Args[1] != int64(2)) {
			t.Errorf("%s: the sentence is given %v", what, fault.As(err).Args)
		}
		if s.ID != "" || s.Identity != "" {
			t.Errorf("%s: something was given back", what)
		}
	}
	sender := &endless{}
	_, err := d.Put(ctx, sender, max)
	wantFault(t, err, fault.TooLarge, "fault.blob.too_large")
	if sender.given > max+mega {
		t.Errorf("%d bytes were taken from an endless sender", sender.given)
	}
	if after := files(t, dir); !slices.Equal(before, after) {
		t.Errorf("left behind: %v", after)
	}
}

// When the sender goes away, in the middle or at once, or the request is given up, nothing is kept.
func TestBrokenOffUploadLeavesNothing(t *testing.T) {
	d, dir := disk(t)
	gone := errors.New("connection reset")
	for _, n := range []int{0, 1, 100_000, mega} {
		_, err := d.Put(ctx, io.MultiReader(bytes.NewReader(random(n)), iotest.ErrReader(gone)), 25*mega)
		wantFault(t, err, fault.Invalid, "fault.blob.cut")
		if !errors.Is(err, gone) {
			t.Errorf("the cause is lost: %v", err)
		}
	}
	_, err := d.Put(ctx, io.MultiReader(bytes.NewReader(random(mega)), iotest.ErrReader(io.ErrUnexpectedEOF)), 25*mega)
	wantFault(t, err, fault.Invalid, "fault.blob.cut")
	given, cancel := context.WithCancel(ctx)
	sender := io.MultiReader(bytes.NewReader(random(mega)), readerFunc(func([]byte) (int, error) { cancel(); return 0, nil }), &endless{})
	_, err = d.Put(given, sender, 25*mega)
	wantFault(t, err, fault.Invalid, "fault.blob.cut")
	if all := files(t, dir); len(all) != 0 {
		t.Errorf("left behind: %v", all)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A disk that is full, or gone, is the disk's fault and not the sender's, and nothing half written stays.
func TestFullDisk(t *testing.T) {
	d, dir := disk(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k,mode=0700"); err != nil {
		t.Skipf("a small disk cannot be made here: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	_, err := d.Put(ctx, bytes.NewReader(random(100)), mega)
	wantFault(t, err, fault.Unavailable, "fault.blob.disk") // the new disk lacks our folders
	if d, err = blob.OpenDisk(dir); err != nil {
		t.Fatal(err)
	}
	_, err = d.Put(ctx, bytes.NewReader(random(mega)), mega)
	wantFault(t, err, fault.Unavailable, "fault.blob.disk")
	if all := files(t, dir); len(all) != 0 {
		t.Errorf("left behind: %v", all)
	}
	s, err := d.Put(ctx, bytes.NewReader(random(1000)), mega)
	if err != nil {
		t.Fatalf("a small one afterwards: %v", err)
	}
	if back, err := get(d, s); err != nil || len(back) != 1000 {
		t.Errorf("%d bytes, %v", len(back), err)
	}
}

// A blob that was altered, cut, lengthened or exchanged is never given out as if it were whole.
func TestAlteredBlobIsNotGivenOut(t *testing.T) {
	d, dir := disk(t)
	content := random(200_000)
	s, other := put(t, d, content), put(t, d, random(200_000))
	path := func(s blob.Stored) string { return filepath.Join(dir, s.ID[len(s.ID)-2:], s.ID) }
	good, err := os.ReadFile(path(s))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(path(other))
	if err != nil {
		t.Fatal(err)
	}
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	const chunk = 64<<10 + 16
	header := len(good) - (len(content) + 16*4)
	for what, text := range map[string][]byte{
		"empty":                nil,
		"head altered":         flip(30),
		"first piece altered":  flip(header + 5),
		"last byte altered":    flip(len(good) - 1),
		"last byte cut":        good[:len(good)-1],
		"cut between pieces":   good[:header+2*chunk],
		"head only":            good[:header],
		"byte added":           append(bytes.Clone(good), 0),
		"pieces exchanged":     slices.Concat(good[:header], good[header+chunk:header+2*chunk], good[header:header+chunk], good[header+2*chunk:]),
		"exchanged for other":  foreign,
		"other's after a head": slices.Concat(good[:header], foreign[header:]),
	} {
		if err := os.WriteFile(path(s), text, 0o600); err != nil {
			t.Fatal(err)
		}
		back, err := get(d, s)
		wantFault(t, err, fault.Internal, "fault.blob.broken")
		if !bytes.HasPrefix(content, back) {
			t.Errorf("%s: something that was never put came back", what)
		}
	}
	if err := os.WriteFile(path(s), good, 0o600); err != nil {
		t.Fatal(err)
	}
	if back, err := get(d, s); err != nil || !bytes.Equal(back, content) {
		t.Errorf("put back as it was: %d bytes, %v", len(back), err)
	}
	_, err = d.Get(ctx, s.ID, other.Identity)
	wantFault(t, err, fault.Internal, "fault.blob.broken")
	_, err = d.Get(ctx, s.ID, "AGE-SECRET-KEY-1NONSENSE")
	wantFault(t, err, fault.Internal, "fault.blob.broken")
	if err != nil && strings.Contains(err.Error(), "NONSENSE") {
		t.Errorf("the fault repeats the identity: %v", err)
	}
}

// An id that is not one of ours never becomes a path.
func TestForeignIDs(t *testing.T) {
	d, dir := disk(t)
	s := put(t, d, random(10))
	outside := filepath.Join(filepath.Dir(dir), "outside")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{
		"", ".", "..", "../outside", "../../outside", "/etc/passwd", s.ID[len(s.ID)-2:], s.ID + "/", strings.ToUpper(s.ID),
		"{" + s.ID + "}", "urn:uuid:" + s.ID, strings.ReplaceAll(s.ID, "-", ""), "0193f0aa-0000-7000-8000-000000000000", "new/" + s.ID,
	} {
		if id == s.ID {
			continue
		}
		_, err := d.Get(ctx, id, s.Identity)
		wantFault(t, err, fault.Gone, "fault.blob.gone")
		if err := d.Remove(ctx, id); err != nil {
			t.Errorf("removing %q: %v", id, err)
		}
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error("a file outside was removed")
	}
	if _, err := get(d, s); err != nil {
		t.Errorf("the blob: %v", err)
	}
}

// A removed blob is gone; removing it again is no error.
func TestRemove(t *testing.T) {
	d, dir := disk(t)
	s := put(t, d, random(10))
	for range 2 {
		if err := d.Remove(ctx, s.ID); err != nil {
			t.Fatal(err)
		}
	}
	_, err := get(d, s)
	wantFault(t, err, fault.Gone, "fault.blob.gone")
	if all := files(t, dir); len(all) != 0 {
		t.Errorf("left behind: %v", all)
	}
}

// What a crash left half written cannot be read and is swept when it is old; what is being written and
// what is finished stay.
func TestSweep(t *testing.T) {
	d, dir := disk(t)
	s := put(t, d, random(10))
	hourAgo := time.Now().Add(-time.Hour)
	const crashed, fresh = "0193f0aa-0000-7000-8000-000000000001", "0193f0aa-0000-7000-8000-000000000002"
	for _, name := range []string{crashed, fresh} {
		if err := os.WriteFile(filepath.Join(dir, "new", name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(filepath.Join(dir, "new", crashed), hourAgo, hourAgo); err != nil {
		t.Fatal(err)
	}
	_, err := d.Get(ctx, crashed, s.Identity)
	wantFault(t, err, fault.Gone, "fault.blob.gone")
	if n, err := d.Sweep(ctx, hourAgo.Add(time.Minute)); n != 1 || err != nil {
		t.Errorf("%d swept, %v", n, err)
	}
	if all := files(t, dir); len(all) != 2 || !slices.Contains(all, filepath.Join("new", fresh)) {
		t.Errorf("left: %v", all)
	}
	if _, err := get(d, s); err != nil {
		t.Errorf("the finished blob: %v", err)
	}
}

// Each names every finished blob older than a time, so that those without a row can be removed.
func TestEach(t *testing.T) {
	d, dir := disk(t)
	var want []string
	for range 20 {
		want = append(want, put(t, d, random(10)).ID)
	}
	if err := os.WriteFile(filepath.Join(dir, "new", want[0]), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := d.Each(ctx, time.Now().Add(time.Minute), func(id string) error { got = append(got, id); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d blobs named, want %d", len(got), len(want))
	}
	if err := d.Each(ctx, time.Now().Add(-time.Minute), func(string) error { return errors.New("named") }); err != nil {
		t.Errorf("a young blob is %v", err)
	}
	stop := errors.New("stop")
	if err := d.Each(ctx, time.Now().Add(time.Minute), func(string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("it went on: %v", err)
	}
}

// Many at once do not meet.
func TestManyAtOnce(t *testing.T) {
	d, dir := disk(t)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			content := random(150_000)
			s, err := d.Put(ctx, bytes.NewReader(content), mega)
			if err != nil {
				t.Error(err)
				return
			}
			if back, err := get(d, s); err != nil || !bytes.Equal(back, content) {
				t.Errorf("%d came back, %v", len(back), err)
			}
		})
	}
	wg.Wait()
	if all := files(t, dir); len(all) != 16 {
		t.Errorf("%d files", len(all))
	}
}

// Memory does not grow with the blob: what is put and what is read streams.
func BenchmarkPut25MB(b *testing.B) {
	d, _ := disk(b)
	content := random(25 * mega)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		s := put(b, d, content)
		if err := d.Remove(ctx, s.ID); err != nil {
			b.Fatal(err)
		}
	}
}
