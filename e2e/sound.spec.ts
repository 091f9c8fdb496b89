// What the sound of a call is like between a telephone and a counsellor's own Chromium with a microphone: how loud what
// was said arrives, how late, with which gaps, and whether speech is whole after the browser has worked on it.
//
// Levels and speech are asserted. Gaps and delays depend on the machine: they are printed, in one line of JSON, and kept
// in docs/BENCH.md. `npm run sound` measures for a minute, `make test` for a few seconds.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { baresipIsMissing, expect, PhoneDesk, test as base } from "./calls";
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

test.use({ wholeBrowser: true });

/** What of tones and marks came from one end to the other: how loud beside what was said, with which gaps, how late. */
function way(said: Pick<sound.Recording, "samples" | "rate">, marks: number[], heard: sound.Recording, pitches: readonly number[]) {
  const late = sound.delays(marks, sound.marks(heard));
  return {
    level_db: Object.fromEntries(pitches.map((pitch) => [pitch, sound.rounded(sound.decibels(heard, pitch) - sound.decibels(said, pitch), 2)])),
    gap_ms: sound.longestGap(heard),
    delay_ms: { median: sound.rounded(sound.median(late)), least: sound.rounded(Math.min(...late)), most: sound.rounded(Math.max(...late)), marks: late.length },
  };
}

/** A packet is sent when its last sample was said: 20 ms that belong to the telephone and to no delay of ours. */
const packetised = (said: number[]): number[] => said.map((at) => at + 20);

function prints(result: object): void {
  console.log(JSON.stringify({ ...result, seconds, load: loadavg().map((one) => sound.rounded(one, 2)) }));
}

test("tones arrive as loud as they were said, both ways, and through a mix", { tag: "@desk" }, async ({ folder, speaker, rings, outside }) => {
  test.setTimeout(120_000 + 6000 * seconds);
  const [says, microphone, packets] = ["says.wav", "microphone.wav", "packets.csv"].map((name) => join(folder, name)) as [string, string, string];
  await sound.writeWAV(says, sound.signal(sound.tones.caller, 400, 8000), 8000);
  const file = { rate: 48000, samples: sound.signal(sound.tones.counsellor, 3 * seconds + 90, 48000) };
  await sound.writeWAV(microphone, file.samples, file.rate);
  const aSecond = { rate: file.rate, samples: file.samples.subarray(0, 2 * file.rate) };

  const camille = await speaker(microphone, true);
  const caller = await rings({ says, packets });
  await camille.accepts();
  await camille.is("talking");
  await camille.page.waitForTimeout(5000); // until the browser's buffer has found its length
  const two = await sound.records(camille.page, seconds);
  let three: sound.Heard | undefined;
  if (!baresipIsMissing) {
    await outside("119");
    await camille.passesTo(/119/, "Annoncer d'abord");
    await camille.presses("Parler à trois");
    await camille.is("conference");
    await camille.page.waitForTimeout(3000);
    three = await sound.records(camille.page, seconds);
  }
  await caller.hangsUp();

  const read = (way: "said" | "heard", during: sound.Heard) => sound.Wire.read(packets, way, during.from, during.to);
  const ends = async (during: sound.Heard) => {
    const [said, heard] = [await read("said", during), await read("heard", during)];
    return {
      // The telephone speaks by the clock, every 20 ms: when it was later than that, the machine was somebody else's.
      machine_stood_still_ms: sound.rounded(Math.max(0, said.pause - 20)),
      to_browser: { ...way(said, sound.marks(said), during.voice, sound.tones.caller), buffer_ms: sound.rounded((1000 * during.concealed.buffered) / during.concealed.emitted), made_up_ms: sound.rounded(during.concealed.concealed / 48) },
      from_browser: { ...way(aSecond, packetised(sound.marks(during.microphone)), heard, sound.tones.counsellor), late_p99_ms: sound.rounded(sound.quantile(heard.late, 0.99)) },
    };
  };
  const direct = await ends(two);
  const third = three && (await ends(three));
  const mixed = third && { machine_stood_still_ms: third.machine_stood_still_ms, ...third.from_browser };
  prints({ sound: "tones", clock_ms: sound.rounded(two.clock, 2), ...direct, mixed: mixed ?? null });

  // What a telephone carries, except that Chromium brings a microphone to 8 kHz with a short filter (WebRTC's, 32 taps),
  // which takes 0.5 dB at 1.5 kHz, 1.2 dB at 2 kHz and 2.7 dB at 2,750 Hz, whatever we do.
  for (const [pitch, level] of Object.entries(direct.to_browser.level_db)) expect(Math.abs(level), `${pitch} Hz at the browser`).toBeLessThan(1);
  for (const from of [direct.from_browser, ...(mixed ? [mixed] : [])])
    for (const [pitch, level] of Object.entries(from.level_db)) {
      const filter = Number(pitch) > 2000 ? -2.7 : 0;
      expect(Math.abs(level - filter), `${pitch} Hz at the telephone`).toBeLessThan(1);
    }
});

const sentences = [
  "Bonjour, vous êtes bien au trente dix-huit, je m'appelle Camille et je vous écoute.",
  "Prenez votre temps, on peut parler de tout ici, et rien de ce que vous dites ne sort d'ici.",
  "Est-ce que tu es en sécurité là où tu es en ce moment ?",
  "Je comprends que ces messages te fassent peur, beaucoup de jeunes nous appellent pour la même chose.",
  "Tu as bien fait de garder les captures d'écran, ça va nous servir pour le signalement.",
  "Si tu veux, on regarde ensemble comment bloquer ce compte et à qui en parler.",
  "Ce n'est pas de ta faute, et tu n'as rien fait de mal.",
  "Quel âge as-tu, et depuis combien de temps est-ce que ça dure ?",
  "On peut aussi prévenir le collège, mais seulement si tu es d'accord.",
  "Je reste en ligne avec toi pendant que tu cherches le message du seize septembre.",
];

test("speech arrives whole when the browser works on it", { tag: "@desk" }, async ({ folder, speaker, rings }) => {
  test.skip(!existsSync("/usr/bin/espeak-ng") && !process.env.VIGIE_FORBID_SKIPS, "not run without a voice (apt-get install espeak-ng)");
  test.setTimeout(120_000 + 4000 * seconds);
  const [speech, packets] = ["speech.wav", "packets.csv"].map((name) => join(folder, name)) as [string, string];
  const text = [1, 2, 3, 4, 5].slice(0, 2 + Math.ceil(seconds / 20)).flatMap((round) => sentences.map((one, n) => `${one} ${10 * round + n}.`));
  await promisify(execFile)("espeak-ng", ["-v", "fr", "-s", "150", "-w", speech, text.join("\n")]);
  const said = await sound.readWAV(speech);

  const camille = await speaker(speech, false);
  const caller = await rings({ says: null, packets });
  await camille.accepts();
  await camille.is("talking");
  const page = await sound.records(camille.page, seconds);
  const processing = await camille.page.evaluate(() => window.vigieProcessing);
  await caller.hangsUp();
  const heard = await sound.Wire.read(packets, "heard", page.from, page.to);
  const result = sound.wholeness(said, heard);
  prints({ sound: "speech", ...result, after_processing: sound.wholeness(said, page.microphone), file_s: sound.rounded(said.samples.length / said.rate) });
  expect(processing).toMatchObject({ echoCancellation: true, noiseSuppression: true, autoGainControl: true });
  // What is not whole for a word (150 ms) would be asked for again.
  expect(result.speech_s, "seconds of words in what was said").toBeGreaterThan(seconds / 4);
  expect(result.likeness, "the loudness of what was heard goes with that of what was said").toBeGreaterThan(0.9);
  expect(result.missing_ms, "the longest piece of a word that was not heard").toBeLessThan(150);
});
