package web_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vigie/internal/app"
	"vigie/internal/audit"
	"vigie/internal/config"
	"vigie/internal/staff"
)

// second is one more supervisor.
func (w *world) second() *browser {
	w.Helper()
	p, err := w.app.Staff.Add(w.Context(), staff.NewPerson{Login: "second", Alias: "Morgan", Roles: []staff.Role{staff.Supervisor}, Langs: []string{"fr"}, Password: "une phrase assez longue"}, audit.Actor{Kind: "operator", ID: "test"})
	if err != nil {
		w.Fatal(err)
	}
	return w.loggedIn(p.ID)
}

var alarmSeen = regexp.MustCompile(`action="(/desk/alarms/[^"]+/seen)"`)

// What rang before a supervisor sat down rings at her desk, at her floor and down her stream, until one of two
// has seen it.
func TestAnAlarmWaitsForASupervisorWhoComesLater(t *testing.T) {
	w := newWorld(t)
	w.browser().opens()
	child := w.browser()
	child.opens()
	child.says("je veux mourir").want(http.StatusOK)

	one, other := w.as(staff.Supervisor), w.second()
	for _, page := range []string{"/desk", "/desk/floor"} {
		one.get(page).want(http.StatusOK).sees("Un mot de danger a été écrit. Regardez la file.")
	}
	seen := alarmSeen.FindStringSubmatch(one.body)
	if seen == nil {
		t.Fatal("she cannot say that she has seen it")
	}
	stream := other.listens("/desk/events")
	w.until("it rings at a desk that opens", func() bool { return strings.Contains(stream(), `id="alarm-`) })
	w.as(staff.Counsellor).get("/desk").want(http.StatusOK).seesNot("desk-alarms")
	w.as(staff.Counsellor).post(seen[1]).want(http.StatusForbidden)

	one.post(seen[1]).want(http.StatusOK).seesNot(`id="alarm-`)
	w.until("it stops at the other's", func() bool {
		came := stream()
		return !strings.Contains(came[strings.LastIndex(came, `id="desk-alarms"`):], `id="alarm-`)
	})
	other.get("/desk/floor").want(http.StatusOK).seesNot(`id="alarm-`)
}

// A letter at night that speaks of dying rings in the morning.
func TestALetterOfTheNightRingsInTheMorning(t *testing.T) {
	w := newWorldAt(t, "23:30")
	w.browser().leaves("j'en peux plus, je veux mourir ce soir")
	w.itIs("09:00")
	w.as(staff.Supervisor).get("/desk").want(http.StatusOK).sees("Un mot de danger est écrit dans un message laissé.")
}

// A supervisor who decides that the danger is over has seen what rang.
func TestWhoSettlesHasSeen(t *testing.T) {
	w := newWorld(t)
	child, supervisor := w.browser(), w.as(staff.Supervisor)
	id := child.opens()
	child.says("je veux mourir").want(http.StatusOK)
	child.get("/quit")
	supervisor.get("/desk/floor").want(http.StatusOK)
	if !strings.Contains(supervisor.body, `id="alarm-`) {
		t.Fatal("nothing rings")
	}
	supervisor.post("/desk/contacts/" + id + "/settle").want(http.StatusOK).seesNot(`id="alarm-`)
}

// At night nobody sees it: the program of the helpline is run, and where it fails the floor says so.
func TestTheFloorSaysThatNobodyOnCallWasReached(t *testing.T) {
	program := filepath.Join(t.TempDir(), "call")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	w := newWorldWith(t, app.Options{AlwaysOpen: true}, func(c *config.Config) { c.OnCallCommand = program })
	w.browser().leaves("je veux mourir")
	supervisor := w.as(staff.Supervisor)
	w.clock.jumps(3 * time.Minute)
	w.until("the floor says that the call failed", func() bool {
		w.browser().opens() // the router looks when something happens
		return strings.Contains(supervisor.get("/desk/floor").want(http.StatusOK).text(), "L'astreinte n'a pas pu être appelée")
	})
}
