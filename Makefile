# Two commands: `make run` starts the demonstration, `make test` runs every test. Both install what
# they need first on Debian 12, as root; scripts/need.sh says what is missing where they cannot.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

# Go is often installed in its own folder and not on the path of a bare shell.
export PATH := $(PATH):/usr/local/go/bin

# The same for the program and for its tests, so that everything is compiled once: no C, so that the
# program is one file with no libraries beside it, and no name of this machine's folders in it.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath -buildvcs=false

# The packages npm installs, and the files the screens' styles and scripts are built from.
packages := node_modules/.package-lock.json
sources  := $(shell find internal/web/assets -path '*/dist' -prune -o -type f -print 2>/dev/null)
built    := .vigie/made/assets
# The telephone's announcements and music, and what they are made from.
prompts := .vigie/made/prompts
spoken  := $(wildcard internal/phone/prompt/*.toml internal/phone/prompt/build/*.go)

.PHONY: run test build deps clean need-build need-test

run: build
	@exec bin/vigie demo

test: need-test $(packages)
	@scripts/test.sh

# Leaves bin/vigie.
build: $(built) $(prompts)
	@go build -o bin/vigie ./cmd/vigie

deps: need-test $(packages)

need-build need-test:
	@scripts/need.sh $(@:need-%=%)

# npm keeps its own copy of the lock file, newer than ours as long as nothing in ours has changed.
$(packages): package-lock.json | need-build
	npm ci --loglevel=error --ignore-scripts --no-audit --no-fund --no-update-notifier
	@touch $@

$(built): $(sources) $(packages) $(wildcard tsconfig.json)
	npm run --silent build
	@mkdir -p $(@D) && touch $@

# Without espeak-ng the announcements are missing, and are made as soon as it is there.
$(prompts): $(spoken) | need-build
	@go run ./internal/phone/prompt/build
	@if command -v espeak-ng >/dev/null; then mkdir -p $(@D) && touch $@; fi

clean:
	rm -rf bin node_modules .vigie/made internal/web/assets/dist/* internal/phone/prompt/built/*
