import { defineConfig } from "@playwright/test";

// The elements alone, in the system's Chromium. Run `npm run build` first; `npm run elements` does both.
export default defineConfig({
  testDir: ".",
  outputDir: "../../../../e2e/test-results/elements",
  reporter: [["list"], ["json", { outputFile: "../../../../.vigie/test/elements.json" }]],
  workers: 2,
  timeout: 20_000,
  // As with the journeys: what passes only at a second try is named in the last words.
  retries: 1,
  use: {
    locale: "fr-FR",
    launchOptions: {
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
});
