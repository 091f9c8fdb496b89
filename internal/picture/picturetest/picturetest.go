// Package picturetest lets a test program be the process that opens pictures, and draws pictures to open.
package picturetest

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"testing"

	"vigie/internal/picture"
)

// Main runs the tests of a program that may be started again as the process that opens a picture.
func Main(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == picture.Argument {
		if err := picture.Run(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Chessboard is a picture whose squares are 40 pixels wide.
func Chessboard(w, h int) *image.RGBA {
	board := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			if (x/40+y/40)%2 == 0 {
				board.Set(x, y, color.RGBA{200, 30, 30, 255})
			} else {
				board.Set(x, y, color.RGBA{20, 220, 240, 255})
			}
		}
	}
	return board
}

// PNG is a picture as a file.
func PNG(t testing.TB, drawn image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, drawn); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
