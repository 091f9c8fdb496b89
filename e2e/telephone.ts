// The telephones of the journeys: whoever rings us is `vigie call`, whoever we ring is baresip, another
// maker's program. Each says a tone of its own pitch, so that who hears whom is measured and not believed.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "@playwright/test";

const vigie = process.env.VIGIE ?? resolve(import.meta.dirname, "../bin/vigie");
const results = resolve(import.meta.dirname, "test-results");
const baresip = "/usr/bin/baresip";
const modules = "/usr/lib/baresip/modules";

/** Whether the outside telephone is not where Debian puts it. */
export const baresipIsMissing = !existsSync(baresip);

/** Samples a second of everything that is measured. */
export const rate = 8000;

/** What each of them says all the time: pitches that are in no music, no key and no multiple of one another. */
export const voices = { caller: 1050, camille: 1270, dominique: 1490, noe: 1750, outside: 2110 } as const;
export type Voice = keyof typeof voices;

/** Somebody whose ear can be looked into. */
export interface Ear {
  readonly name: string;
  /** The last so many seconds of what she heard, fewer where there were no more; up to a second ago. */
  heard(seconds: number): Promise<Float32Array>;
}

/**
 * How loud a pitch is in what was heard (1 is the loudest that can be): the middle one of pieces of an eighth of
 * a second, each in a window of Hann's, because a jitter buffer that stretches a tone breaks its phase.
 */
export function loudness(samples: Float32Array, pitch: number): number {
  const n = rate / 8;
  const all: number[] = [];
  for (let from = 0; from + n <= samples.length; from += n) all.push(level(samples, from, n, pitch));
  all.sort((a, b) => a - b);
  return all[all.length >> 1] ?? 0;
}

function level(samples: Float32Array, from: number, n: number, pitch: number): number {
  let re = 0;
  let im = 0;
  for (let i = 0; i < n; i += 1) {
    const s = samples[from + i]! * (1 - Math.cos((2 * Math.PI * i) / n));
    const a = (2 * Math.PI * pitch * i) / rate;
    re += s * Math.cos(a);
    im += s * Math.sin(a);
  }
  return (2 * Math.hypot(re, im)) / n;
}

/** How loud a pitch is in the loudest piece of what was heard: what may not be heard, not even for a moment. */
export function loudest(samples: Float32Array, pitch: number): number {
  const n = rate / 8;
  let most = 0;
  for (let from = 0; from + n <= samples.length; from += n / 2) most = Math.max(most, level(samples, from, n, pitch));
  return most;
}

/** How loud all of it is. */
export function power(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / Math.max(1, samples.length));
}

/** The longest time, in seconds, in which a tone that should go on is not heard. */
export function longestGap(samples: Float32Array, pitch: number): number {
  const n = rate / 50;
  const all: number[] = [];
  for (let from = 0; from + n <= samples.length; from += n) all.push(level(samples, from, n, pitch));
  const usual = [...all].sort((a, b) => a - b)[all.length >> 1] ?? 0;
  if (usual < 0.02) return samples.length / rate;
  let gap = 0;
  let longest = 0;
  for (const one of all) {
    gap = one < usual / 4 ? gap + 1 : 0;
    longest = Math.max(longest, gap);
  }
  return longest / 50;
}

/** Listens whether a voice goes on at somebody's ear; what comes back ends it and tells the longest gap, in seconds. */
export function listens(ear: Ear, voice: Voice): () => Promise<number> {
  let over = false;
  let longest = 0;
  const listening = (async () => {
    do {
      longest = Math.max(longest, longestGap(await ear.heard(3), voices[voice]));
      await new Promise((again) => setTimeout(again, 1000));
    } while (!over);
  })();
  return async () => {
    over = true;
    await listening;
    return longest;
  };
}

/** Whom somebody hears in what she heard. */
function voicesIn(samples: Float32Array): Voice[] {
  return (Object.keys(voices) as Voice[]).filter((voice) => loudness(samples, voices[voice]) > 0.02);
}

/** Waits until somebody hears these and nobody else, and that it stays so. */
export async function hears(ear: Ear, ...who: Voice[]): Promise<void> {
  const wanted = [...who].sort();
  await expect
    .poll(async () => (await voicesInLast(ear, 0.75)).sort(), { message: `${ear.name} hears ${wanted.join(", ") || "nobody"}`, timeout: 20_000, intervals: [200] })
    .toEqual(wanted);
}

async function voicesInLast(ear: Ear, seconds: number): Promise<Voice[]> {
  return voicesIn(await ear.heard(seconds));
}

/** Waits until somebody hears music or an announcement, and no voice of ours. */
export async function hearsMusic(ear: Ear): Promise<void> {
  await expect
    .poll(
      async () => {
        const last = await ear.heard(2);
        return { voices: voicesIn(last.subarray(-rate)), sound: power(last) > 0.004 };
      },
      { message: `${ear.name} hears music`, timeout: 20_000, intervals: [200] },
    )
    .toEqual({ voices: [], sound: true });
}

/**
 * How sure it is that words are in what was heard (1 is certain): cut into pieces of 0.15 s, of eight loud ones the third
 * best, wherever each is, because a telephone on a busy machine misses some.
 */
export function contains(heard: Float32Array, words: Float32Array): number {
  const n = Math.round(0.15 * rate);
  const all: Float32Array[] = [];
  for (let from = 0; from + n <= words.length; from += n) all.push(words.subarray(from, from + n));
  const loud = all.sort((a, b) => power(b) - power(a)).slice(0, 8);
  const sure = loud.map((piece) => {
    let best = 0;
    const whole = n * power(piece) ** 2;
    for (let at = 0; at + n <= heard.length; at += 1) {
      let [together, alone] = [0, 0];
      for (let i = 0; i < n; i += 1) {
        together += piece[i]! * heard[at + i]!;
        alone += heard[at + i]! * heard[at + i]!;
      }
      best = Math.max(best, together / Math.sqrt(alone * whole + 1e-9));
    }
    return best;
  });
  return sure.sort((a, b) => b - a)[2] ?? 0;
}

/** A tone as a WAV file (16 bits, 8 kHz of one channel unless said otherwise), `loud` at its loudest. */
export function tone(pitch: number, seconds: number, loud = 0.3, hertz = rate, channels = 1): Buffer {
  const size = 2 * channels * hertz * seconds;
  const file = Buffer.alloc(44 + size);
  file.write("RIFF....WAVEfmt ", 0, "latin1");
  file.writeUInt32LE(36 + size, 4);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(channels, 22);
  file.writeUInt32LE(hertz, 24);
  file.writeUInt32LE(2 * channels * hertz, 28);
  file.writeUInt16LE(2 * channels, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36, "latin1");
  file.writeUInt32LE(size, 40);
  for (let i = 0; i < size / 2; i += 1) {
    file.writeInt16LE(Math.round(32767 * loud * Math.sin((2 * Math.PI * pitch * Math.floor(i / channels)) / hertz)), 44 + 2 * i);
  }
  return file;
}

/** The last so many seconds of a WAV file that is being written, at 8 kHz: of more samples their mean. */
async function tail(path: string, seconds: number): Promise<Float32Array> {
  const file = await open(path).catch(() => null);
  if (!file) return new Float32Array();
  try {
    const head = Buffer.alloc(44);
    if ((await file.read(head, 0, 44, 0)).bytesRead < 44) return new Float32Array();
    const each = Math.max(1, (head.readUInt16LE(22) * head.readUInt32LE(24)) / rate); // samples to one of ours
    const { size } = await file.stat();
    const whole = Math.floor(Math.max(0, size - 44) / (2 * each));
    const raw = Buffer.alloc(2 * each * Math.min(whole, Math.round(rate * seconds)));
    await file.read(raw, 0, raw.length, 44 + 2 * each * whole - raw.length);
    return Float32Array.from({ length: raw.length / (2 * each) }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < each; k += 1) sum += raw.readInt16LE(2 * (each * i + k));
      return sum / each / 32768;
    });
  } finally {
    await file.close();
  }
}

/** A process of ours, which is ended by its own id. */
class Program {
  said = "";
  readonly over: Promise<unknown>;
  ended = false;

  constructor(
    readonly name: string,
    protected readonly child: ChildProcess,
  ) {
    for (const out of [child.stdout, child.stderr]) out?.on("data", (chunk) => (this.said += chunk));
    this.over = Promise.race([once(child, "exit"), once(child, "error")]).then(() => (this.ended = true));
  }

  protected async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.ended) return;
    this.child.kill(signal);
    const patience = setTimeout(() => this.child.kill("SIGKILL"), 5_000);
    await this.over;
    clearTimeout(patience);
  }
}

export interface Calling {
  /** The number she calls from, which nobody must ever see; without it the call is anonymous. */
  from?: string;
  /** What she presses, and when after the answer; by default a key that does nothing but end the greeting. */
  keys?: string;
  /** What she says: her tone, unless it is a file. */
  says?: string | null;
  /** A file to keep each of her packets in. */
  packets?: string;
}

/** Somebody who rings the helpline. */
export class Telephone extends Program implements Ear {
  private constructor(
    child: ChildProcess,
    private readonly folder: string,
    private readonly out: string,
  ) {
    super("the caller", child);
  }

  static async calls(address: string, { from, keys = "700ms:5", says, packets }: Calling = {}): Promise<Telephone> {
    const folder = await mkdtemp(join(tmpdir(), "vigie-e2e-call-"));
    const out = join(folder, "heard.wav");
    if (says === undefined) await writeFile((says = join(folder, "says.wav")), tone(voices.caller, 240));
    const child = spawn(
      vigie,
      ["call", address, "--for", "0s", "--out", out, ...(from ? ["--from", from] : []), ...(keys ? ["--keys", keys] : []), ...(says ? ["--says", says] : []), ...(packets ? ["--packets", packets] : [])],
      { cwd: folder, stdio: ["ignore", "pipe", "pipe"] },
    );
    const telephone = new Telephone(child, folder, out);
    await expect(async () => expect(telephone.said).toContain("answered")).toPass({ timeout: 20_000 });
    return telephone;
  }

  heard(seconds: number): Promise<Float32Array> {
    return tail(this.out, seconds);
  }

  /** All that it heard so far, as a WAV file. */
  recording(): Promise<Buffer> {
    return readFile(this.out);
  }

  /** Waits until it tells of something: "digit 4", "ended them". */
  async tells(what: string | RegExp, timeout = 30_000): Promise<void> {
    await expect.poll(() => this.said, { message: "what the caller's telephone tells", timeout }).toMatch(typeof what === "string" ? new RegExp(what.replace(/ /g, "\\s+")) : what);
  }

  /** Hangs up. */
  async hangsUp(): Promise<void> {
    await this.kill("SIGINT");
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Waits until the other end has hung up, with all that was heard still there. */
  async isHungUp(timeout?: number): Promise<void> {
    await this.tells("ended them", timeout);
    await this.over;
  }
}

/** Another maker's telephone, which answers by itself: the 119, or whoever is called back. Or it rings us, in Opus. */
export class OutsidePhone extends Program implements Ear {
  private constructor(
    child: ChildProcess,
    private readonly folder: string,
  ) {
    super("the outside telephone", child);
  }

  static at(port: number, ...numbers: string[]): Promise<OutsidePhone> {
    return OutsidePhone.starts(port, numbers, "PCMA/8000/1");
  }

  /** One that speaks Opus, and G.711 where it must, and rings this address. */
  static dials(port: number, address: string): Promise<OutsidePhone> {
    return OutsidePhone.starts(port, ["+33639980199"], "opus/48000/2,PCMA/8000/1", address);
  }

  private static async starts(port: number, numbers: string[], codecs: string, dials?: string): Promise<OutsidePhone> {
    const folder = await mkdtemp(join(tmpdir(), "vigie-e2e-outside-"));
    await mkdir(join(folder, "heard"));
    // It says a file as it is, in what its first codec wants.
    await writeFile(join(folder, "says.wav"), codecs.startsWith("opus") ? tone(voices.caller, 120, 0.3, 48_000, 2) : tone(voices.outside, 240));
    await writeFile(
      join(folder, "config"),
      [
        `sip_listen 127.0.0.1:${port}`,
        "net_interface 127.0.0.1",
        `module_path ${modules}`,
        "module g711.so",
        "module opus.so",
        "module aufile.so",
        "module aubridge.so",
        "module sndfile.so",
        "module_app account.so",
        "module_app menu.so",
        `audio_source aufile,${join(folder, "says.wav")}`,
        "audio_player aubridge,out",
        "audio_alert aubridge,alert",
        `snd_path ${join(folder, "heard")}`,
        "call_max_calls 4",
        "",
      ].join("\n"),
    );
    await writeFile(join(folder, "accounts"), numbers.map((number) => `<sip:${number}@127.0.0.1>;regint=0;answermode=auto;audio_codecs=${codecs}\n`).join(""));
    const child = spawn(baresip, ["-f", folder, ...(dials ? ["-e", `/dial ${dials}`] : [])], { cwd: folder, stdio: ["pipe", "pipe", "pipe"] });
    const phone = new OutsidePhone(child, folder);
    try {
      await expect(async () => {
        expect(phone.ended, phone.said).toBe(false);
        expect(phone.said).toContain(dials ? "Call established" : "ready");
      }).toPass({ timeout: 20_000 });
    } catch (error) {
      await phone.stop();
      throw error;
    }
    return phone;
  }

  async heard(seconds: number): Promise<Float32Array> {
    const file = readdirSync(join(this.folder, "heard")).filter((name) => name.endsWith("-dec.wav")).sort().at(-1);
    return file ? tail(join(this.folder, "heard", file), seconds) : new Float32Array();
  }

  /** Waits until what it hears comes in this codec, by its own account, and comes at all. It keeps no sound across a change of codec. */
  async hearsIn(codec: "opus" | "PCMA"): Promise<void> {
    await expect
      .poll(
        () => {
          const [last] = [...this.said.matchAll(/Set audio decoder: (\w+)/g)].slice(-1);
          const comes = [...this.said.slice(last?.index ?? 0).matchAll(/audio=\d+\/(\d+)/g)].at(-1);
          return `${last?.[1]}, ${Number(comes?.[1] ?? 0) > 8_000 ? "and it comes" : "and nothing comes"}`;
        },
        { message: "what the outside telephone hears", timeout: 30_000 },
      )
      .toBe(`${codec}, and it comes`);
  }

  /** Is gone for good. */
  async stop(): Promise<void> {
    await this.kill("SIGTERM");
    await mkdir(results, { recursive: true });
    await appendFile(join(results, "outside.log"), this.said);
    await rm(this.folder, { recursive: true, force: true });
  }
}
