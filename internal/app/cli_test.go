package app_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"vigie/internal/app"
	"vigie/internal/store/storetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"vigie": func() {
			os.Exit(app.Run(context.Background(), os.Args[1:], app.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
		},
	})
}

// What an operator types, and what she reads: testdata/script, each script once on each engine.
func TestCommands(t *testing.T) {
	own := map[string]func(*testscript.TestScript, bool, []string){"evidence": evidence, "vaults": vaults}
	t.Run("sqlite", func(t *testing.T) {
		testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: own, Setup: func(e *testscript.Env) error {
			e.Setenv("VIGIE_DATA", filepath.Join(e.WorkDir, "data"))
			e.Setenv("OTHER", "")
			e.Setenv("THIRD", "")
			return nil
		}})
	})
	t.Run("postgres", func(t *testing.T) {
		storetest.PostgresDSN(t) // skips here, not in each script
		testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: own, Setup: func(e *testscript.Env) error {
			e.Setenv("VIGIE_DATA", filepath.Join(e.WorkDir, "data"))
			e.Setenv("VIGIE_DATABASE", storetest.EmptyPostgresDSN(t))
			e.Setenv("OTHER", storetest.EmptyPostgresDSN(t))
			e.Setenv("THIRD", storetest.EmptyPostgresDSN(t))
			return nil
		}})
	})
}
