package bundle

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// pack writes the ZIP: each part stored, its size and CRC in front of it, and the time of the export for all of them.
func pack(w io.Writer, parts []part, at time.Time) error {
	z := zip.NewWriter(w)
	date, clock := dosTime(at)
	for _, p := range parts {
		h := &zip.FileHeader{Name: p.name, Method: zip.Store, CRC32: p.crc, CompressedSize64: uint64(p.size), UncompressedSize64: uint64(p.size),
			ReaderVersion: 20, CreatorVersion: 20, ModifiedDate: date, ModifiedTime: clock}
		h.SetMode(0o644)
		file, err := z.CreateRaw(h)
		if err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
		crc, err := p.check(file)
		if err != nil {
			return err
		}
		if crc != p.crc {
			return errors.New("bundle: " + p.name + " has another CRC than a moment ago")
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

// dosTime is a time in UTC as ZIP has it, to two seconds.
func dosTime(t time.Time) (date, clock uint16) {
	t = t.UTC()
	return uint16(t.Day() + int(t.Month())<<5 + (t.Year()-1980)<<9), uint16(t.Second()/2 + t.Minute()<<5 + t.Hour()<<11)
}

// stored is a file in a ZIP that is looked at.
type stored struct {
	name   string
	offset int64
	size   int64
	crc    uint32

	date, clock uint16
}

// The records of a ZIP (APPNOTE.TXT 4.3): a signature, and how long each is without what varies.
const (
	localSignature, localSize     = 0x04034b50, 30
	centralSignature, centralSize = 0x02014b50, 46
	endSignature, endSize         = 0x06054b50, 22

	madeBy = 3<<8 | 20 // Unix, version 2.0

	maxFiles = 3*MaxItems + 16
	maxName  = 128
)

// safeName is what a path of ours looks like: a folder at most, no dots but the ending's.
var safeName = regexp.MustCompile(`^([a-z]+/)?[A-Za-z0-9-]+(\.[a-z0-9]+)?$`)

// unpack lists the files of a ZIP that is laid out as pack lays it out, byte by byte: the files one behind the other from
// the first byte on, then the directory, then nothing. So no other file can hide in it or around it (a PDF that is a
// ZIP too), nothing unpacks to more than it is, nothing is read twice, and what one program reads every other one reads.
// For anything else the flaw says what is wrong; err is the reader's own.
func unpack(r io.ReaderAt, size int64) (files []stored, flaw string, err error) {
	if size < endSize || size > maxSize {
		return nil, "it is no ZIP of less than 4 GiB", nil
	}
	end := make([]byte, endSize)
	if err := readAt(r, end, size-endSize); err != nil {
		return nil, "", err
	}
	le := binary.LittleEndian
	count, directory, start := int(le.Uint16(end[10:])), int64(le.Uint32(end[12:])), int64(le.Uint32(end[16:]))
	switch {
	case le.Uint32(end) != endSignature:
		return nil, "it is no ZIP, or it was cut, or something is behind it", nil
	case le.Uint32(end[4:]) != 0 || int(le.Uint16(end[8:])) != count || le.Uint16(end[20:]) != 0:
		return nil, "it has several parts, or a comment", nil
	case start+directory+endSize != size:
		return nil, "something is in front of it, or in its middle, that is not part of it", nil
	case count > maxFiles || directory > int64(count)*(centralSize+maxName):
		return nil, "it has more files than a bundle", nil
	}
	dir := make([]byte, directory)
	if err := readAt(r, dir, start); err != nil {
		return nil, "", err
	}
	names := map[string]bool{}
	at := int64(0)
	for range count {
		if len(dir) < centralSize {
			return nil, "its directory is cut", nil
		}
		h := dir[:centralSize]
		n := int(le.Uint16(h[28:]))
		if le.Uint32(h) != centralSignature || n > maxName || len(dir) < centralSize+n {
			return nil, "its directory is broken", nil
		}
		f := stored{name: string(dir[centralSize : centralSize+n]), size: int64(le.Uint32(h[24:])), crc: le.Uint32(h[16:]), clock: le.Uint16(h[12:]), date: le.Uint16(h[14:])}
		dir = dir[centralSize+n:]
		switch {
		case !safeName.MatchString(f.name):
			return nil, fmt.Sprintf("a file in it has a name that is none of ours: %q", f.name), nil
		case names[strings.ToLower(f.name)]:
			return nil, fmt.Sprintf("%s is in it twice", f.name), nil
		case le.Uint16(h[8:]) != 0 || le.Uint16(h[10:]) != 0 || le.Uint32(h[20:]) != le.Uint32(h[24:]):
			return nil, fmt.Sprintf("%s is compressed or encrypted: it was packed by another program", f.name), nil
		case le.Uint16(h[30:]) != 0 || le.Uint16(h[32:]) != 0 || le.Uint16(h[34:]) != 0:
			return nil, fmt.Sprintf("%s has something beside it: it was packed by another program", f.name), nil
		case le.Uint16(h[4:]) != madeBy || le.Uint16(h[36:]) != 0 || le.Uint32(h[38:]) != 0o100644<<16:
			return nil, fmt.Sprintf("%s is no plain file", f.name), nil
		case int64(le.Uint32(h[42:])) != at:
			return nil, fmt.Sprintf("%s does not follow the file before it", f.name), nil
		}
		names[strings.ToLower(f.name)] = true
		local := make([]byte, localSize+n)
		if at+int64(len(local))+f.size > start {
			return nil, fmt.Sprintf("%s reaches beyond its end", f.name), nil
		}
		if err := readAt(r, local, at); err != nil {
			return nil, "", err
		}
		// From the version that is needed to the length of the name, both say the same.
		if le.Uint32(local) != localSignature || string(local[4:28]) != string(h[6:30]) || le.Uint16(local[28:]) != 0 || string(local[localSize:]) != f.name {
			return nil, fmt.Sprintf("%s is called otherwise in front of it than in the directory", f.name), nil
		}
		f.offset = at + int64(len(local))
		at = f.offset + f.size
		files = append(files, f)
	}
	if at != start || len(dir) != 0 {
		return nil, "something is in it that is none of its files", nil
	}
	return files, "", nil
}

func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("bundle: %w", err)
}
