// Command vigie is the whole helpline in one program; `vigie --help` lists what it does.
package main

import (
	"context"
	"os"

	"vigie/internal/app"
)

func main() {
	os.Exit(app.Run(context.Background(), os.Args[1:], app.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
