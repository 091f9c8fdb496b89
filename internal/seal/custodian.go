package seal

import (
	"context"
	"errors"
	"time"

	"vigie/internal/fault"
)

// Custodian keeps the root and the epoch keys and lends their use. It is the only place where a key
// can be destroyed for good, which is why no epoch key is ever in SQL. The default is a key file
// (FileCustodian); an HSM or a transit service fits behind the same few calls.
//
// Its methods may be called at the same time, by several nodes too.
type Custodian interface {
	// Root returns the 32 bytes from which purpose keys are derived; they live as long as the helpline.
	// ErrNoKeys when the custodian has never been given a turn.
	Root(ctx context.Context) ([]byte, error)
	// Epochs returns the epochs whose keys are alive, oldest first. One in quiet times, two while a
	// rotation runs (or was cut short), none when the custodian has never been given a turn.
	Epochs(ctx context.Context) ([]Epoch, error)
	// Wrap seals a key under an epoch, bound to bind. ErrNoEpoch when that epoch's key is not there.
	Wrap(ctx context.Context, epoch int64, key, bind []byte) ([]byte, error)
	// Unwrap opens what Wrap returned, with the same bind. ErrNoEpoch when that epoch's key is not there,
	// ErrDamaged when wrapped is not what Wrap returned; any other error passes (a service away).
	Unwrap(ctx context.Context, epoch int64, wrapped, bind []byte) ([]byte, error)
	// IndexKey returns the epoch's 32-byte key for the blind index of one field. ErrNoEpoch as above.
	IndexKey(ctx context.Context, epoch int64, field string) ([]byte, error)
	// Turn gives the right to change epochs to one caller at a time, over all nodes. It does not wait:
	// fault.Conflict "fault.seal.turn_taken" when somebody has it.
	Turn(ctx context.Context) (Turn, error)
}

// Turn is the exclusive right to change epochs, until Release. It ends with its process too.
type Turn interface {
	// Begin makes the next epoch (and, the first time, the root) and returns once it is durable.
	Begin(ctx context.Context, now time.Time) (Epoch, error)
	// Destroy destroys an epoch's key, for good and durably. The newest epoch is refused; one that is
	// not there is no error, so that a rotation cut short can be run again.
	Destroy(ctx context.Context, epoch int64) error
	// Release gives the turn back.
	Release() error
}

// Epoch is the time during which new keys are wrapped under one epoch key.
type Epoch struct {
	Number int64 // from 1, rising
	Since  time.Time
}

var (
	// ErrNoKeys says that the custodian holds nothing yet.
	ErrNoKeys = errors.New("seal: the custodian holds no keys")
	// ErrNoEpoch says that the custodian does not, or no longer, hold the key of that epoch.
	ErrNoEpoch = errors.New("seal: the custodian does not hold that epoch")
	// ErrDamaged says that a wrapped key is not what the custodian wrapped.
	ErrDamaged = errors.New("seal: a wrapped key does not open")
)

// errTurnTaken is what Turn returns while another has the turn.
func errTurnTaken() error { return fault.New(fault.Conflict, "fault.seal.turn_taken") }
