package picture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"io"
	"runtime/debug"

	"vigie/internal/config"
	"vigie/internal/fault"
	"vigie/internal/picture/pdq"
)

// Argument is the hidden argument with which this program becomes the process that opens a picture.
const Argument = "picture"

// hashIt is what is asked where no cover is.
const hashIt = "hash"

// hashed is the answer to hashIt: the hashes of the eight forms, or the key of the fault for which there are none.
type hashed struct {
	Forms   pdq.Forms `json:"forms"`
	Quality int       `json:"quality"`
	Refused string    `json:"refused,omitempty"`
}

// Run is that process: a line that says what is wanted, then the picture, on stdin; the JPEG or the hash on stdout. It gives
// up its rights before it reads a byte of the picture.
func Run(stdin io.Reader, stdout io.Writer) error {
	debug.SetMemoryLimit(900 << 20)
	confine()
	in := bufio.NewReader(io.LimitReader(stdin, config.LargestFile+64))
	line, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	switch asked := line[:len(line)-1]; asked {
	case hashIt:
		answer, err := hashOf(data)
		if err != nil {
			return err
		}
		return json.NewEncoder(stdout).Encode(answer)
	case string(Covered), string(Uncovered), string(Shown):
		picture, err := pdq.Decode(bytes.NewReader(data), pdq.Limits{})
		if err != nil {
			return err
		}
		return jpeg.Encode(stdout, cover(picture, orientation(data), Cover(asked)), &jpeg.Options{Quality: 75})
	default:
		return fmt.Errorf("picture: nobody can do %q", asked)
	}
}

func hashOf(data []byte) (hashed, error) {
	picture, err := pdq.Decode(bytes.NewReader(data), pdq.Limits{})
	if f := fault.As(err); f != nil {
		return hashed{Refused: f.Key}, nil
	}
	if err != nil {
		return hashed{}, err
	}
	forms, quality := pdq.Dihedral(picture)
	return hashed{Forms: forms, Quality: quality}, nil
}
