// The journeys, in a real Chromium: Debian's, never one that is downloaded; its headless shell, or the whole of it (vigie.ts). Each worker has a helpline
// of its own (vigie.ts), so there is no server to start here.
//
// A project is a way of looking: a test runs in those it is tagged with (`{ tag: ["@phone", "@nojs"] }`
// or "@everywhere"), and on the phone when it has no tag, because that is what a child holds.
import { defineConfig, type PlaywrightTestConfig } from "@playwright/test";

const looks = {
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  small: { viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true },
  desk: { viewport: { width: 1440, height: 900 } },
  nojs: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, javaScriptEnabled: false },
  // A desk again, for what changes the networks of this machine: other browsers on it would notice, so it is run apart.
  network: { viewport: { width: 1440, height: 900 } },
  dark: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme: "dark" },
} satisfies Record<string, NonNullable<PlaywrightTestConfig["use"]>>;

// VIGIE_JOURNEYS is "together" for all that may run beside one another, "apart" for the others, and unset for both.
const part = process.env.VIGIE_JOURNEYS;
const apart = (name: string): boolean => name === "network";
const names = Object.keys(looks).join("|");
const untagged = `(?!.*@(${names}|everywhere)\\b)`;

export default defineConfig({
  testDir: ".",
  outputDir: "test-results",
  reporter: [["list"], ["json", { outputFile: `../.vigie/test/journeys${part === "apart" ? "-apart" : ""}.json` }]],
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: !!process.env.CI,
  // A real browser on two busy cores: what passes only at a later try is named in the last words.
  retries: 2,
  use: {
    browserName: "chromium",
    actionTimeout: 20_000,
    locale: "fr-FR",
    timezoneId: "Europe/Paris",
    contextOptions: { reducedMotion: "reduce" },
    // Not at the first try: a window whose trace is kept seldom never answers that it closed.
    trace: "on-first-retry",
    launchOptions: {
      executablePath: process.env.CHROMIUM_SHELL ?? "/usr/bin/chromium-headless-shell",
      args: [
        // Chromium's sandbox refuses root, and Chromium looks for Google's hosts by itself.
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
        // Nobody but this machine is ever asked, whatever a page does.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: Object.entries(looks).filter(([name]) => !part || (part === "apart") === apart(name)).map(([name, use]) => ({
    name,
    use,
    grep: new RegExp(apart(name) ? `@${name}\\b` : `@(${name}|everywhere)\\b` + (name === "phone" ? `|^${untagged}` : "")),
  })),
});
