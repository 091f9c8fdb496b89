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
# Servers of others that the tests file notices with, and the Node.js that they want.
remotes := .vigie/remotes/node_modules/.package-lock.json
spoken  := $(wildcard internal/phone/prompt/*.toml internal/phone/prompt/build/*.go internal/rehearsal/library/*.toml)

.PHONY: run test build deps clean need-build need-test

run: build
	@exec bin/vigie demo

test: need-test $(packages) $(remotes)
	@scripts/test.sh

# Leaves bin/vigie.
build: $(built) $(prompts)
	@go build -o bin/vigie ./cmd/vigie

deps: need-test $(packages) $(remotes)

need-build need-test:
	@scripts/need.sh $(@:need-%=%)

# npm keeps its own copy of the lock file, newer than ours as long as nothing in ours has changed.
$(packages): package-lock.json | need-build
	npm ci --loglevel=error --ignore-scripts --no-audit --no-fund --no-update-notifier
	@touch $@

# Without them the tests that need them are skipped, and named.
$(remotes): tools/remotes/package-lock.json | need-build
	@mkdir -p .vigie/remotes && cp tools/remotes/package.json tools/remotes/package-lock.json .npmrc .vigie/remotes/
	@if npm ci --prefix .vigie/remotes --loglevel=error --ignore-scripts --no-audit --no-fund --no-update-notifier; then touch $@; \
	else echo "The servers that notices are filed with in tests could not be installed." >&2; fi

$(built): $(sources) $(packages) $(wildcard tsconfig.json)
	npm run --silent build
	@mkdir -p $(@D) && touch $@

# Without espeak-ng the announcements are missing, and are made as soon as it is there.
$(prompts): $(spoken) | need-build
	@go run ./internal/phone/prompt/build
	@if command -v espeak-ng >/dev/null; then mkdir -p $(@D) && touch $@; fi

clean:
	rm -rf bin node_modules .vigie/made .vigie/remotes internal/web/assets/dist/* internal/phone/prompt/built/* internal/rehearsal/built/*
