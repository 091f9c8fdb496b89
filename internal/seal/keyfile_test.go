package seal_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// A key file that anybody but its owner may touch is refused at the start, and the fault says how to
// close it.
func TestKeyFileModes(t *testing.T) {
	path := keyPath(t)
	db, c := storetest.SQLite(t), newClock()
	node(t, db, path, c)
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o660, 0o666, 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := seal.FileCustodian(path)
		wantFault(t, err, fault.Invalid, "fault.seal.key_file_mode")
		if err != nil && !strings.Contains(fmt.Sprint(fault.As(err).Args), fmt.Sprintf("%04o", mode)) {
			t.Errorf("the fault does not name the mode %04o: %v", mode, fault.As(err).Args)
		}
	}
	for _, mode := range []os.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.FileCustodian(path); err != nil {
			t.Errorf("mode %04o is refused: %v", mode, err)
		}
	}
	if _, err := seal.FileCustodian(filepath.Dir(path)); err == nil {
		t.Error("a folder is taken for a key file")
	}
}

// The file is made closed, whatever the umask, and so is every one that follows it.
func TestKeyFileIsMadeClosed(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := keyPath(t)
	k := node(t, storetest.SQLite(t), path, newClock())
	for range 2 {
		for _, file := range []string{path, path + ".lock"} {
			st, err := os.Stat(file)
			if err != nil || st.Mode().Perm() != 0o600 {
				t.Fatalf("%s: %v %v", filepath.Base(file), st.Mode(), err)
			}
		}
		if err := k.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// A key file is made for a record that never had keys, and for no other: made anew for a record that
// has some, it would hide that everything is lost.
func TestMissingKeyFile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		path, c := keyPath(t), newClock()
		k := node(t, db, path, c)
		newKey(t, k, seal.KindContact, "contact-a")
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		_, err := seal.Open(ctx, db, custodian(t, path), c.Now)
		wantFault(t, err, fault.Unavailable, "fault.seal.key_file_missing")
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("a key file was made: %v", err)
		}
		if err := k.Rotate(ctx); err == nil {
			t.Error("a rotation made another key file")
		}
	})
}

// A server keeps answering with the keys it has when the file goes away or is opened to others under
// its feet, and takes the next ones when the file is back.
func TestRunningNodeOutlivesItsKeyFile(t *testing.T) {
	db, path, c := storetest.SQLite(t), keyPath(t), newClock()
	running := node(t, db, path, c)
	before := newKey(t, running, seal.KindContact, "contact-a")
	running.Forget(before.ID())
	works := func(when string) {
		t.Helper()
		if _, err := running.NewKey(ctx, seal.KindContact, "contact-b"); err != nil {
			t.Errorf("%s: no new key: %v", when, err)
		}
		running.Forget(before.ID())
		if _, err := running.Key(ctx, before.ID()); err != nil {
			t.Errorf("%s: an old key does not open: %v", when, err)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	works("file open to others")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	works("file away")
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := node(t, db, path, c).Rotate(ctx); err != nil {
		t.Fatal(err)
	}
	works("file back, and rotated by another node")
}

// Keys that belong to another record, or are older or newer than the record, are refused before
// anything is sealed with them.
func TestForeignKeysAreRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		path, c := keyPath(t), newClock()
		k := node(t, db, path, c)
		first := readFile(t, path)
		epoch := func() (row [3]any) {
			_, err := store.One(ctx, db, func(r store.Row) (struct{}, error) {
				var number, began int64
				var proof []byte
				err := r.Scan(&number, &began, &proof)
				row = [3]any{number, began, proof}
				return struct{}{}, err
			}, `SELECT number, began_at, proof_sealed FROM keys.epoch`)
			if err != nil {
				t.Fatal(err)
			}
			return row
		}
		firstEpoch := epoch()
		if err := k.Rotate(ctx); err != nil {
			t.Fatal(err)
		}

		older := keyPath(t)
		write(t, older, first)
		_, err := seal.Open(ctx, db, custodian(t, older), c.Now)
		wantFault(t, err, fault.Invalid, "fault.seal.older_keys")

		elsewhere := keyPath(t) // of another helpline, in its second epoch too
		other := node(t, storetest.SQLite(t), elsewhere, c)
		if err := other.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
		_, err = seal.Open(ctx, db, custodian(t, elsewhere), c.Now)
		wantFault(t, err, fault.Invalid, "fault.seal.other_keys")

		exec(t, db, `DELETE FROM keys.epoch`)
		exec(t, db, `INSERT INTO keys.epoch (number, began_at, proof_sealed) VALUES ($1, $2, $3)`, firstEpoch[:]...)
		_, err = seal.Open(ctx, db, custodian(t, path), c.Now)
		wantFault(t, err, fault.Invalid, "fault.seal.newer_keys")

		exec(t, db, `DELETE FROM keys.epoch`)
		exec(t, db, `INSERT INTO keys.wrapped_key (id, kind, owner, epoch, key_sealed, created_at) VALUES ('a', 'contact', 'a', 1, $1, 0)`, []byte{1})
		_, err = seal.Open(ctx, db, custodian(t, path), c.Now)
		wantFault(t, err, fault.Invalid, "fault.seal.other_keys")
	})
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A key file that was cut, edited or pasted together is refused, and the fault repeats nothing of it.
func TestBrokenKeyFile(t *testing.T) {
	path := keyPath(t)
	k := node(t, storetest.SQLite(t), path, newClock())
	if err := k.Rotate(ctx); err != nil {
		t.Fatal(err)
	}
	good := readFile(t, path)
	body, _, _ := strings.Cut(good, "sum ")
	root := strings.Split(good, "\n")[3]
	epoch := epochLines(t, path)[0]
	number, since, secret := parts(epoch)
	resum := func(body string) string {
		return fmt.Sprintf("%ssum %s\n", body, hexSum(body))
	}
	if _, err := seal.FileCustodian(path); err != nil || resum(body) != good {
		t.Fatalf("the good one is not: %v", err)
	}
	bad := map[string]string{
		"empty":              "",
		"cut in the middle":  good[:len(good)/2],
		"last byte missing":  good[:len(good)-1],
		"line added":         good + "\n",
		"letter changed":     strings.Replace(good, "epoch", "Epoch", 1),
		"no epoch":           resum(strings.Replace(body, epoch+"\n", "", 1)),
		"no root":            resum(strings.Replace(body, root+"\n", "", 1)),
		"two roots":          resum(strings.Replace(body, root, root+"\n"+root, 1)),
		"root after epoch":   resum(strings.Replace(strings.Replace(body, root+"\n", "", 1), epoch, epoch+"\n"+root, 1)),
		"epoch twice":        resum(body + epoch + "\n"),
		"epoch falling":      resum(body + "epoch 1 " + since + " " + secret + "\n"),
		"epoch zero":         resum(strings.Replace(body, "epoch "+number, "epoch 0", 1)),
		"epoch plus two":     resum(strings.Replace(body, "epoch "+number, "epoch +"+number, 1)),
		"date of no form":    resum(strings.Replace(body, since, "2026-11-23", 1)),
		"short key":          resum(strings.Replace(body, secret, secret[:40], 1)),
		"key with a newline": resum(strings.Replace(body, secret, secret[:10]+"\r"+secret[10:], 1)),
		"fourth word":        resum(strings.Replace(body, secret, secret+" x", 1)),
		"another version":    resum(strings.Replace(body, "keys 1", "keys 2", 1)),
		"unknown line":       resum(body + "spoon\n"),
		"too long":           resum(strings.Repeat("#\n", 40000) + body),
	}
	for what, text := range bad {
		write(t, path, text)
		_, err := seal.FileCustodian(path)
		if err == nil {
			t.Errorf("%s: taken", what)
			continue
		}
		wantFault(t, err, fault.Invalid, "fault.seal.key_file_broken")
		if strings.Contains(err.Error(), secret[:8]) {
			t.Errorf("%s: the fault repeats a key: %v", what, err)
		}
	}
}

func hexSum(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

func parts(epoch string) (number, since, secret string) {
	words := strings.Split(epoch, " ")
	return words[1], words[2], words[3]
}

// Of two nodes, one has the turn; the other is told, and gets it when the first has given it back.
func TestOneTurnAtATime(t *testing.T) {
	path, c := keyPath(t), newClock()
	node(t, storetest.SQLite(t), path, c)
	here, there := custodian(t, path), custodian(t, path)
	turn, err := here.Turn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = there.Turn(ctx)
	wantFault(t, err, fault.Conflict, "fault.seal.turn_taken")
	_, err = here.Turn(ctx)
	wantFault(t, err, fault.Conflict, "fault.seal.turn_taken")
	if err := turn.Release(); err != nil {
		t.Fatal(err)
	}
	if turn, err = there.Turn(ctx); err != nil {
		t.Fatal(err)
	}
	turn.Release()
}

// What one node changes in the file, the others see at their next use of it.
func TestNodesShareOneKeyFile(t *testing.T) {
	path, c := keyPath(t), newClock()
	node(t, storetest.SQLite(t), path, c)
	here, there := custodian(t, path), custodian(t, path)
	turn, err := here.Turn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer turn.Release()
	for i := range 50 {
		next, err := turn.Begin(ctx, c.Now())
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := there.Wrap(ctx, next.Number, []byte("a key"), nil)
		if err != nil {
			t.Fatalf("turn %d: the other node does not see the new epoch: %v", i, err)
		}
		if err := turn.Destroy(ctx, next.Number-1); err != nil {
			t.Fatal(err)
		}
		if _, err := there.Wrap(ctx, next.Number-1, []byte("a key"), nil); err != seal.ErrNoEpoch {
			t.Fatalf("turn %d: the other node still uses the destroyed epoch: %v", i, err)
		}
		if key, err := here.Unwrap(ctx, next.Number, wrapped, nil); err != nil || string(key) != "a key" {
			t.Fatalf("turn %d: %v", i, err)
		}
	}
}

// Destroying an epoch leaves its secret neither in the file, nor in the bytes the file had before, nor
// in what a crash left beside it. The epoch in use cannot be destroyed.
func TestDestroyedEpochIsGoneFromTheDisk(t *testing.T) {
	path, c := keyPath(t), newClock()
	node(t, storetest.SQLite(t), path, c)
	_, _, secret := parts(epochLines(t, path)[0])
	here := custodian(t, path)
	turn, err := here.Turn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer turn.Release()
	if err := turn.Destroy(ctx, 1); err == nil {
		t.Fatal("the epoch in use was destroyed")
	}
	if _, err := turn.Begin(ctx, c.Now()); err != nil {
		t.Fatal(err)
	}
	// A crash between writing the new file and renaming it leaves this.
	left := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new-123")
	write(t, left, readFile(t, path))
	before, err := os.Open(path) // holds the old bytes even when the name is gone
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if err := turn.Destroy(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := turn.Destroy(ctx, 1); err != nil {
		t.Errorf("destroying again: %v", err)
	}
	old := make([]byte, 4096)
	n, _ := before.ReadAt(old, 0)
	for what, text := range map[string]string{"file": readFile(t, path), "old bytes": string(old[:n])} {
		if strings.Contains(text, secret) {
			t.Errorf("the destroyed secret is still in the %s", what)
		}
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("what the crash left is still there: %v", err)
	}
}

// A rotation run by root leaves the file to the user whom it belonged to.
func TestKeyFileKeepsItsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := keyPath(t)
	k := node(t, storetest.SQLite(t), path, newClock())
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := k.Rotate(ctx); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, path + ".lock"} {
		st, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if uid := st.Sys().(*syscall.Stat_t).Uid; uid != 65534 {
			t.Errorf("%s belongs to %d", filepath.Base(file), uid)
		}
	}
}

// Purpose keys differ by name, stay through rotations, and belong to one helpline.
func TestPurposeKeys(t *testing.T) {
	db, path, c := storetest.SQLite(t), keyPath(t), newClock()
	k := node(t, db, path, c)
	audit := string(k.Derive("audit"))
	if len(audit) != 32 || audit == string(k.Derive("totp")) {
		t.Error("purposes share a key")
	}
	c.Move(time.Hour)
	if err := k.Rotate(ctx); err != nil {
		t.Fatal(err)
	}
	if string(node(t, db, path, c).Derive("audit")) != audit {
		t.Error("a rotation changed a purpose key")
	}
	if string(node(t, storetest.SQLite(t), keyPath(t), c).Derive("audit")) == audit {
		t.Error("two helplines share a purpose key")
	}
}
