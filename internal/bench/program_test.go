package bench_test

import (
	"context"
	"os"
	"testing"

	"vigie/internal/app"
	"vigie/internal/bench"
	"vigie/internal/picture/picturetest"
)

// With bench.AsProgram in its environment the test binary is the program, so that the tests of this room
// run real processes of it.
func TestMain(m *testing.M) {
	if os.Getenv(bench.AsProgram) == "" {
		picturetest.Main(m)
	}
	os.Exit(app.Run(context.Background(), os.Args[1:], app.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
