package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// vaults writes the exports of the format's vectors into a folder, each under its name, and the bodies that they hold as NAME.N.
func vaults(ts *testscript.TestScript, _ bool, args []string) {
	must := func(err error) {
		if err != nil {
			ts.Fatalf("vaults: %v", err)
		}
	}
	raw, err := os.ReadFile(filepath.FromSlash("../vault/testdata/vectors.json"))
	must(err)
	var v struct {
		Exports []struct {
			Name  string
			File  []byte
			Items []struct{ Body []byte }
		}
	}
	must(json.Unmarshal(raw, &v))
	must(os.MkdirAll(ts.MkAbs(args[0]), 0o700))
	for _, x := range v.Exports {
		name := filepath.Join(ts.MkAbs(args[0]), strings.NewReplacer(" ", "-", ",", "").Replace(x.Name))
		must(os.WriteFile(name, x.File, 0o600))
		for i, item := range x.Items {
			must(os.WriteFile(name+"."+string(rune('1'+i)), item.Body, 0o600))
		}
	}
}
