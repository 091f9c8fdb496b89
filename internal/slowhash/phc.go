package slowhash

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Params are Argon2id's costs (RFC 9106 §4).
type Params struct {
	MemoryKiB uint32 // m
	Passes    uint32 // t
	Lanes     uint8  // p
}

// Default is RFC 9106's second recommended option (64 MiB, three passes) on a single lane, so that one
// hash never takes both cores from the conversations. ASVS 5.0 (V11.4.2) asks for less.
var Default = Params{MemoryKiB: 64 << 10, Passes: 3, Lanes: 1}

// The widest that is read back: a record somebody tampered with must not make us allocate gigabytes.
const (
	maxMemoryKiB = 256 << 10
	maxPasses    = 16
	maxLanes     = 8
	minSalt      = 8
	maxSalt      = 64
	minSum       = 16
	maxSum       = 64
	maxText      = 256
)

func (p Params) valid() bool {
	return p.Lanes >= 1 && p.Lanes <= maxLanes &&
		p.Passes >= 1 && p.Passes <= maxPasses &&
		p.MemoryKiB >= 8*uint32(p.Lanes) && p.MemoryKiB <= maxMemoryKiB
}

// Sum is a hash with all that is needed to compute it again.
type Sum struct {
	Params Params
	Salt   []byte
	Key    []byte
}

// String is the PHC form: $argon2id$v=19$m=65536,t=3,p=1$salt$key, base64 without padding
// (github.com/P-H-C/phc-string-format).
func (s Sum) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, s.Params.MemoryKiB, s.Params.Passes, s.Params.Lanes,
		base64.RawStdEncoding.EncodeToString(s.Salt), base64.RawStdEncoding.EncodeToString(s.Key))
}

// errText says only that the text is not one of ours: the text itself must not reach a log.
var errText = errors.New("slowhash: not an Argon2id PHC string that this house writes")

// Parse reads what String wrote, and nothing else: one spelling for each hash, within the bounds above.
func Parse(text string) (Sum, error) {
	if len(text) > maxText {
		return Sum{}, errText
	}
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return Sum{}, errText
	}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return Sum{}, errText
	}
	memory, ok1 := cost(costs[0], "m=", maxMemoryKiB)
	passes, ok2 := cost(costs[1], "t=", maxPasses)
	lanes, ok3 := cost(costs[2], "p=", maxLanes)
	s := Sum{Params: Params{MemoryKiB: memory, Passes: passes, Lanes: uint8(lanes)}}
	if !ok1 || !ok2 || !ok3 || !s.Params.valid() {
		return Sum{}, errText
	}
	strict := base64.RawStdEncoding.Strict()
	var err error
	if s.Salt, err = strict.DecodeString(parts[4]); err != nil || len(s.Salt) < minSalt || len(s.Salt) > maxSalt {
		return Sum{}, errText
	}
	if s.Key, err = strict.DecodeString(parts[5]); err != nil || len(s.Key) < minSum || len(s.Key) > maxSum {
		return Sum{}, errText
	}
	// The decoder skips line ends; one hash has one spelling.
	if s.String() != text {
		return Sum{}, errText
	}
	return s, nil
}

func cost(text, name string, most uint64) (uint32, bool) {
	digits, found := strings.CutPrefix(text, name)
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), found && err == nil && n <= most
}
