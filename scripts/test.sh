#!/usr/bin/env bash
# Every test there is, in the order in which a mistake is cheapest to find. A step that fails does not
# hide the ones after it. The last line counts what passed and what failed, and every skip is named
# with its reason; with CI=true a skip is a failure.
set -uo pipefail
cd "$(dirname "$0")/.."

results=.vigie/test
rm -rf "$results" && mkdir -p "$results"
# Go repeats a test's last result until something changes that the test looked at, and what is installed
# does not count, but variables do: so a test skipped for want of PostgreSQL runs once it is there.
VIGIE_POSTGRES=$(ls -d /usr/lib/postgresql/15/bin 2>/dev/null)
export VIGIE_POSTGRES
if [ "${CI:-}" = true ]; then export VIGIE_FORBID_SKIPS=1; fi

failed_steps=()
step() {
  local name=$1 begin=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  if "$@"; then
    printf -- '-- %s: ok, %s s\n' "$name" $((SECONDS - begin))
  else
    printf -- '-- %s: FAILED, %s s\n' "$name" $((SECONDS - begin))
    failed_steps+=("$name")
    return 1
  fi
}

# left_out WHAT: names what is skipped, and fails where nothing may be.
left_out() {
  echo "$1" >>"$results/skipped"
  [ -z "${VIGIE_FORBID_SKIPS:-}" ]
}

tool() { go tool -modfile=tools/go.mod "$@"; }

# The Go made from the .templ files is committed: making it again must change nothing.
sums() { find internal -name '*_templ.go' -print0 | sort -z | xargs -0r sha256sum; }
generated() {
  local before after
  before=$(sums)
  tool templ generate >"$results/templ.log" 2>&1 || { cat "$results/templ.log"; return 1; }
  after=$(sums)
  [ "$before" = "$after" ] || {
    echo "These were not what their .templ file makes; they are now, commit them:"
    diff <(echo "$before") <(echo "$after") | sed -n 's/^> [0-9a-f]* *//p'
    return 1
  }
}

formatted() {
  local untidy
  untidy=$(gofmt -l cmd internal)
  [ -z "$untidy" ] || { printf 'gofmt would change:\n%s\n' "$untidy"; return 1; }
}

# go_tests NAME ROOMS [FLAG…]: a test that fails runs once more, and is named in the last words if it passes
# then. More than a few at once are no accident, and a data race never is.
go_tests() {
  local to=$1 rooms=$2
  shift 2
  tool gotestsum --format pkgname --format-hide-empty-pkg --hide-summary=skipped \
    --rerun-fails=1 --rerun-fails-max-failures=3 --rerun-fails-abort-on-data-race \
    --packages "$(echo "$rooms" | paste -sd ' ')" --jsonfile "$results/$to.json" -- -timeout 20m "$@"
}

# The rooms where sound is measured, one after the other and with nothing beside them: on two busy cores it
# would be the machine that is measured.
rooms_of_sound() { go list ./internal/... | grep -E '/phone(/|$)'; }
rooms_of_silence() { go list ./... | grep -vE '/phone(/|$)'; }

# The rooms where goroutines share memory. The others leave that to the database, and the race detector
# would only slow its drivers ten times over. What is long, or measures delays, was run before (-short).
concurrent_rooms() {
  go list ./internal/... | grep -E '/(bench/lossyfs|bus|chat|evidence|picture|picture/pdq|jobs|phone|phone/media|phone/rtc|phone/trunk|routing/flood|seal|slowhash|store|web/live)$'
}
go_race_tests() {
  echo '#include <stdlib.h>' | gcc -E - >/dev/null 2>&1 ||
    { left_out "race detector (gcc and libc6-dev are missing)"; return; }
  CGO_ENABLED=1 go_tests race "$(concurrent_rooms)" -race -short -p 1 -parallel 4
}

browsers() { command -v chromium && command -v chromium-headless-shell; } >/dev/null

journeys() {
  browsers || { left_out "browser journeys (Chromium or its headless shell is missing)"; return; }
  VIGIE_JOURNEYS=together npm run --silent e2e
}

# Those that change networks, in one of their own, or every browser of this machine would notice.
journeys_apart() {
  browsers || { left_out "browser journeys with networks of their own (Chromium or its headless shell is missing)"; return; }
  local alone=()
  if [ "$(id -u)" = 0 ] && unshare --net true 2>/dev/null; then
    # What stays up in it is what a browser calls being online.
    alone=(unshare --net sh -c 'ip link set lo up && ip link add here type veth peer name there && ip address add 198.19.0.1/24 dev here && ip link set here up && ip link set there up && exec "$@"' sh)
  fi
  VIGIE_JOURNEYS=apart "${alone[@]+"${alone[@]}"}" npm run --silent e2e
}

# The custom elements alone, against a server that misbehaves as told.
elements() {
  command -v chromium >/dev/null || { left_out "custom elements (Chromium is missing)"; return; }
  npm run --silent elements
}

step "generated code" generated
step "gofmt" formatted
step "screens' scripts, types" npm run --silent check
step "screens' scripts and styles, build" make -s --no-print-directory .vigie/made/assets
step "announcements and music, build" make -s --no-print-directory .vigie/made/prompts
step "go vet" go vet ./...
step "Go tests" go_tests go "$(rooms_of_silence)"
step "Go tests, sound" go_tests sound "$(rooms_of_sound)" -p 1 -parallel 6
step "Go tests, race detector" go_race_tests
step "custom elements" elements
if step "build" make -s --no-print-directory build; then
  step "browser journeys" journeys
  step "browser journeys, networks" journeys_apart
fi

printf '\n'
node scripts/tally.mjs "$results" "${failed_steps[@]+"${failed_steps[@]}"}"
