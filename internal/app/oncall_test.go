package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script writes a program of two lines of shell and returns its path.
func script(t *testing.T, does string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "call")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+does+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// The program that calls the supervisor on call is told the kind, and nothing else of us.
func TestTheProgramOnCallIsToldOneWord(t *testing.T) {
	t.Setenv("VIGIE_DATABASE", "postgres://secret@host/name")
	told := filepath.Join(t.TempDir(), "told")
	if err := onCall(script(t, `echo "$# $*" > `+told+`; env >> `+told))(t.Context(), "danger"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(told)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(text); !strings.HasPrefix(got, "1 danger\n") || strings.Contains(got, "VIGIE") || strings.Contains(got, "secret") {
		t.Errorf("it was told:\n%s", got)
	}
}

// One that fails, or is not there, says so; one that leaves something running does not keep us.
func TestTheProgramOnCallFails(t *testing.T) {
	if onCall("") != nil {
		t.Error("nobody is called by no program")
	}
	if err := onCall(script(t, "exit 3"))(t.Context(), "danger"); err == nil {
		t.Error("a program that failed did well")
	}
	if err := onCall("/nowhere/call")(t.Context(), "danger"); err == nil {
		t.Error("a program that is not there did well")
	}
	began := time.Now()
	if err := onCall(script(t, "sleep 20 &"))(t.Context(), "danger"); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("what it left running: %v after %v", err, time.Since(began))
	}
}
