// What the sound of a call is like between a telephone and a counsellor's own Chromium with a microphone: how loud what
// was said arrives, how late, with which gaps, and whether speech is whole after the browser has worked on it.
//
// Levels and speech are asserted. Gaps and delays depend on the machine: they are printed, in one line of JSON, and kept
// in docs/BENCH.md. `npm run sound` measures for a minute, `make test` for a few seconds.
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { PhoneDesk, test as base } from "./calls";
import * as sound from "./sound";
import type { Page } from "@playwright/test";

const seconds = Number(process.env.VIGIE_SOUND_SECONDS ?? 10);

interface OfSound {
  folder: string;
  /** A counsellor at her desk whose microphone is a file. raw: her browser leaves its sound as it is. */
  speaker(file: string, raw: boolean): Promise<PhoneDesk>;
}

const test = base.extend<OfSound>({
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "vigie-e2e-sound-"));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },

  speaker: async ({ playwright, launchOptions, helpline, guard, contextOptions }, use) => {
    const ends: (() => Promise<void>)[] = [];
    await use(async (file, raw) => {
      const browser = await playwright.chromium.launch({ ...launchOptions, args: [...launchOptions.args!, `--use-file-for-fake-audio-capture=${file}%noloop`] });
      ends.push(() => browser.close());
      const page: Page = await sound.recordedPage(browser, raw, { ...contextOptions, baseURL: helpline.url, locale: "fr-FR", viewport: { width: 1440, height: 900 } });
      await guard.watch(page.context());
      const desk = new PhoneDesk(page, "camille");
      await desk.logsIn("camille");
      await desk.takesCalls();
      return desk;
    });
    for (const end of ends) await end();
  },
});

/** What of tones and marks came from one end to the other. */
function way(said: sound.Recording, heard: sound.Recording, pitches: readonly number[], packet: number) {
  const late = sound.delays(sound.marks(said), sound.marks(heard)).map((ms) => ms - packet);
  return {
    level_db: Object.fromEntries(pitches.map((pitch) => [pitch, sound.rounded(sound.decibels(heard, pitch) - sound.decibels(said, pitch), 2)])),
    gap_ms: sound.longestGap(heard),
    delay_ms: { median: sound.rounded(sound.median(late)), least: sound.rounded(Math.min(...late)), p95: sound.rounded(sound.quantile(late, 0.95)), most: sound.rounded(Math.max(...late)), of: late.length },
  };
}

test("tones arrive as loud as they were said, both ways", { tag: "@desk" }, async ({ folder, speaker, rings }) => {
  test.setTimeout(120_000 + 3000 * seconds);
  const [says, microphone, packets] = ["says.wav", "microphone.wav", "packets.csv"].map((name) => join(folder, name)) as [string, string, string];
  await sound.writeWAV(says, sound.signal(sound.tones.caller, 240, 8000), 8000);
  const file = { rate: 48000, samples: sound.signal(sound.tones.counsellor, 3 * seconds + 90, 48000) };
  await sound.writeWAV(microphone, file.samples, file.rate);

  const camille = await speaker(microphone, true);
  const caller = await rings({ says, packets });
  await camille.accepts();
  await camille.is("talking");
  await camille.page.waitForTimeout(5000); // until the browser's buffer has found its length
  const page = await sound.records(camille.page, seconds);
  await caller.hangsUp();
  const said = await sound.Wire.read(packets, "said", page.from, page.to);
  const heard = await sound.Wire.read(packets, "heard", page.from, page.to);
  const result = {
    to_browser: way(said, page.voice, sound.tones.caller, 0),
    from_browser: way(page.microphone, heard, sound.tones.counsellor, 20),
  };
  console.log(JSON.stringify({ sound: "tones", seconds, clock_ms: sound.rounded(page.clock, 2), concealed: page.concealed, late: sound.rounded(sound.quantile(heard.late, 0.99)), ...result, load: sound.rounded(loadavg()[0]!, 2) }));
});
