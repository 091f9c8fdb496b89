package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// keySize is the length of every secret key of the house, in bytes.
const keySize = 32

// maxKeyFile bounds what is read as a key file, in bytes; two epochs take about 300.
const maxKeyFile = 64 << 10

// keyring is what a key file holds: the root and the epochs' secrets, oldest first.
type keyring struct {
	root   []byte
	epochs []epochSecret
}

type epochSecret struct {
	Epoch
	secret []byte
	master []byte      // from secret and root: neither is enough alone
	wrap   cipher.AEAD // wraps and unwraps keys
}

// derive returns 32 bytes made from a uniform secret for one use. The labels tell the uses apart.
func derive(secret, salt []byte, info string) []byte {
	key, err := hkdf.Key(sha256.New, secret, salt, info, keySize)
	if err != nil {
		panic("seal: hkdf: " + err.Error()) // only for lengths that no caller asks for
	}
	return key
}

// newAEAD returns AES-256-GCM that makes its own random nonce and writes it before the text.
func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("seal: aes: " + err.Error()) // only for a key that is not 32 bytes
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("seal: gcm: " + err.Error())
	}
	return aead
}

// ready derives what the epochs' keys are used through.
func (r *keyring) ready() {
	for i := range r.epochs {
		e := &r.epochs[i]
		e.master = derive(e.secret, r.root, "vigie epoch "+strconv.FormatInt(e.Number, 10))
		e.wrap = newAEAD(derive(e.master, nil, "wrap"))
	}
}

// epoch returns the epoch of that number, or ErrNoEpoch.
func (r *keyring) epoch(number int64) (*epochSecret, error) {
	for i := range r.epochs {
		if r.epochs[i].Number == number {
			return &r.epochs[i], nil
		}
	}
	return nil, ErrNoEpoch
}

func (r *keyring) newest() int64 {
	if len(r.epochs) == 0 {
		return 0
	}
	return r.epochs[len(r.epochs)-1].Number
}

// without returns a keyring that lacks one epoch.
func (r *keyring) without(number int64) *keyring {
	left := &keyring{root: r.root}
	for _, e := range r.epochs {
		if e.Number != number {
			left.epochs = append(left.epochs, e)
		}
	}
	return left
}

// The form of a key file: lines of text, so that it can be printed and kept in a safe.
//
//	# Vigie's keys. …
//	vigie keys 1
//	root <32 bytes, base64>
//	epoch <number> <since, RFC 3339> <32 bytes, base64>
//	sum <SHA-256 of all the lines before, hex>
//
// The sum finds a bad copy, not a forger: who can write this file has the keys.
const (
	keyFileNote = "# Vigie's keys. Whoever has this file and the database reads everything; without it nobody does.\n" +
		"# Copy it apart from the data, and do not keep a copy longer than one epoch: docs/SECURITY.md.\n"
	keyFileHead = "vigie keys 1"
	sinceForm   = "2006-01-02T15:04:05.000Z"
)

// format writes the keyring as a key file.
func (r *keyring) format() []byte {
	var b bytes.Buffer
	b.WriteString(keyFileNote)
	fmt.Fprintln(&b, keyFileHead)
	fmt.Fprintln(&b, "root", encodeKey(r.root))
	for _, e := range r.epochs {
		fmt.Fprintln(&b, "epoch", e.Number, e.Since.UTC().Format(sinceForm), encodeKey(e.secret))
	}
	return withSum(b.Bytes())
}

func withSum(body []byte) []byte {
	sum := sha256.Sum256(body)
	return fmt.Appendln(body, "sum", hex.EncodeToString(sum[:]))
}

// parseKeyring reads a key file. It takes nothing but the exact form that format writes (any lines
// beginning with # apart): a key file that was touched by hand is refused rather than half understood.
// Its errors never repeat what was read.
func parseKeyring(text []byte) (*keyring, error) {
	if len(text) > maxKeyFile {
		return nil, errors.New("it is too long")
	}
	body, sum, found := bytes.Cut(text, []byte("\nsum "))
	if !found {
		return nil, errors.New("its last line is missing")
	}
	body = text[:len(body)+1]
	want := sha256.Sum256(body)
	if subtle.ConstantTimeCompare(sum, []byte(hex.EncodeToString(want[:])+"\n")) != 1 {
		return nil, errors.New("its sum does not agree with its lines")
	}
	r := &keyring{}
	headed := false
	for i, line := range strings.Split(strings.TrimSuffix(string(body), "\n"), "\n") {
		switch word, rest, _ := strings.Cut(line, " "); {
		case strings.HasPrefix(line, "#"):
		case !headed:
			if line != keyFileHead {
				return nil, errors.New("it is not a key file of this version")
			}
			headed = true
		case word == "root" && r.root == nil:
			root, err := decodeKey(rest)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			r.root = root
		case word == "epoch" && r.root != nil:
			e, err := parseEpoch(rest)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			if e.Number <= r.newest() {
				return nil, fmt.Errorf("line %d: its epochs do not rise", i+1)
			}
			r.epochs = append(r.epochs, e)
		default:
			return nil, fmt.Errorf("line %d does not belong there", i+1)
		}
	}
	if len(r.epochs) == 0 {
		return nil, errors.New("it holds no epoch")
	}
	r.ready()
	return r, nil
}

func parseEpoch(rest string) (epochSecret, error) {
	var e epochSecret
	words := strings.Split(rest, " ")
	if len(words) != 3 {
		return e, errors.New("an epoch has a number, a date and a key")
	}
	number, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil || number < 1 || strconv.FormatInt(number, 10) != words[0] {
		return e, errors.New("the number of the epoch cannot be read")
	}
	since, err := time.Parse(sinceForm, words[1])
	if err != nil || since.Format(sinceForm) != words[1] {
		return e, errors.New("the date of the epoch cannot be read")
	}
	secret, err := decodeKey(words[2])
	if err != nil {
		return e, err
	}
	return epochSecret{Epoch: Epoch{Number: number, Since: since.UTC()}, secret: secret}, nil
}

func encodeKey(key []byte) string { return base64.RawStdEncoding.EncodeToString(key) }

func decodeKey(text string) ([]byte, error) {
	key, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil || len(key) != keySize || encodeKey(key) != text {
		return nil, errors.New("a key is not 32 bytes in base64")
	}
	return key, nil
}
