// What sound is like at either end of a call, measured: what is said, what a browser does with it, and what of it
// arrives where and when. Everything is on one machine and has one clock.
import { readFile, writeFile } from "node:fs/promises";
import type { Browser, BrowserContextOptions, Page } from "@playwright/test";

/** Sound with a clock: samples, and the moment (Unix time, ms) at which the sample of any number was said or heard. */
export interface Recording {
  rate: number;
  samples: Float32Array;
  when(at: number): number;
}

/** Tones that go on all the time, of one party: no multiples of one another nor of the other's, and inside what a telephone carries (Hz). */
export const tones = { caller: [310, 730, 1310, 2890], counsellor: [370, 850, 1190, 2750] } as const;
/** How loud each tone is, and the mark above them (1 is the loudest that can be). */
const loud = { tone: 0.08, mark: 0.2 } as const;
/** A mark: what sweeps once a second from one pitch to another in so many seconds, where there is no tone. */
const sweep = { from: 1500, to: 2050, seconds: 0.06 } as const;

function mark(rate: number): Float32Array {
  const n = Math.round(sweep.seconds * rate);
  return Float32Array.from({ length: n }, (_, i) => {
    const t = i / rate;
    const phase = 2 * Math.PI * (sweep.from * t + ((sweep.to - sweep.from) * t * t) / (2 * sweep.seconds));
    return loud.mark * Math.sin(phase) * Math.sin((Math.PI * (i + 0.5)) / n) ** 2;
  });
}

/** What a party says to be measured by. */
export function signal(pitches: readonly number[], seconds: number, rate: number): Float32Array {
  const all = Float32Array.from({ length: Math.round(seconds * rate) }, (_, i) =>
    pitches.reduce((sum, pitch, n) => sum + loud.tone * Math.sin((2 * Math.PI * pitch * i) / rate + n), 0),
  );
  const one = mark(rate);
  for (let from = Math.round(rate / 2); from + one.length < all.length; from += rate) one.forEach((s, i) => (all[from + i]! += s));
  return all;
}

/** Writes a WAV file of 16 bits. */
export async function writeWAV(path: string, samples: Float32Array, rate: number): Promise<void> {
  const file = Buffer.alloc(44 + 2 * samples.length);
  file.write("RIFF....WAVEfmt ", 0, "latin1");
  file.writeUInt32LE(36 + 2 * samples.length, 4);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(2 * rate, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36, "latin1");
  file.writeUInt32LE(2 * samples.length, 40);
  samples.forEach((s, i) => file.writeInt16LE(Math.round(32767 * Math.max(-1, Math.min(1, s))), 44 + 2 * i));
  await writeFile(path, file);
}

// What the telephone said and heard: the file of `vigie call --packets`.

interface Packet {
  at: number; // ms
  samples: Float32Array;
  from: number; // number of its first sample
}

/** What a telephone said or heard: packets at the place that their timestamps give them, nothing where none came. */
export class Wire implements Recording {
  readonly rate = 8000;
  readonly samples: Float32Array;
  private readonly packets: Packet[];

  private constructor(packets: Packet[]) {
    this.packets = packets;
    this.samples = new Float32Array(packets.reduce((most, p) => Math.max(most, p.from + p.samples.length), 0));
    for (const p of packets) this.samples.set(p.samples, p.from);
  }

  /** What was on its way in one direction between two moments. */
  static async read(path: string, way: "said" | "heard", from: number, to: number): Promise<Wire> {
    const packets: Packet[] = [];
    let first: number | undefined;
    for (const line of (await readFile(path, "latin1")).split("\n")) {
      const [at, which, , timestamp, codec, sound] = line.split(",");
      if (which !== way || Number(at) < 1000 * from || Number(at) > 1000 * to) continue;
      first ??= Number(timestamp);
      const law = Buffer.from(sound!, "hex");
      const samples = Float32Array.from(law, codec === "PCMA" ? fromA : fromU);
      packets.push({ at: Number(at) / 1000, samples, from: (Number(timestamp) - first) | 0 });
    }
    const before = Math.min(0, ...packets.map((p) => p.from));
    for (const p of packets) p.from -= before;
    return new Wire(packets.sort((a, b) => a.from - b.from));
  }

  /** A sample counts from when its packet was sent, or came, as if the 20 ms of a packet took no time to fill. */
  when(at: number): number {
    let low = 0;
    for (let high = this.packets.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.packets[middle]!.from <= at) low = middle + 1;
      else high = middle;
    }
    const p = this.packets[Math.max(0, low - 1)]!;
    return p.at + (at - p.from) / 8;
  }

  /** The longest time between two packets, in ms: of what is said by the clock, how long the machine let nobody run. */
  get pause(): number {
    const moments = this.packets.map((p) => p.at).sort((a, b) => a - b);
    return Math.max(...moments.slice(1).map((at, i) => at - moments[i]!));
  }

  /** How much later than the quickest packets came, in ms: what a jitter buffer at this end would have to bridge. */
  get late(): number[] {
    const all = this.packets.map((p) => p.at - p.from / 8);
    const quickest = Math.min(...all);
    return all.map((one) => one - quickest);
  }
}

/** One sample of G.711, A-law and µ-law, written for a test. */
function fromA(byte: number): number {
  const b = byte ^ 0x55;
  const e = (b >> 4) & 7;
  const m = b & 15;
  const s = e > 0 ? ((m << 4) + 0x108) << (e - 1) : (m << 4) + 8;
  return (b & 0x80 ? s : -s) / 32768;
}

function fromU(byte: number): number {
  const b = ~byte & 255;
  const s = ((((b & 15) << 3) + 0x84) << ((b >> 4) & 7)) - 0x84;
  return (b & 0x80 ? -s : s) / 32768;
}

// What the browser said and heard: its microphone after its own processing, and each voice as it is played.

interface Chunk {
  at: number; // ms of performance.now()
  samples: Float32Array;
}

/** Runs in the page, before anything of it: keeps the sound of its microphone and of the voices that come in. */
function instrument(raw: boolean): void {
  type Kept = { rate: number; chunks: Chunk[] };
  const kept: Record<string, Kept> = {};
  let keeping = false;
  const record = async (name: string, track: MediaStreamTrack): Promise<void> => {
    const Processor = (window as unknown as { MediaStreamTrackProcessor: new (of: { track: MediaStreamTrack; maxBufferSize: number }) => { readable: ReadableStream<AudioData> } }).MediaStreamTrackProcessor;
    const reader = new Processor({ track, maxBufferSize: 1000 }).readable.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      const at = performance.now();
      if (done) return;
      if (keeping) {
        const samples = new Float32Array(value.numberOfFrames);
        value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
        (kept[name] ??= { rate: value.sampleRate, chunks: [] }).chunks.push({ at, samples });
      }
      value.close();
    }
  };
  const Own = window.RTCPeerConnection;
  const lines: RTCPeerConnection[] = [];
  window.RTCPeerConnection = class extends Own {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      const line = lines.push(this);
      this.addEventListener("track", ({ track, transceiver }) => void record(`voice ${line}.${this.getTransceivers().indexOf(transceiver)}`, track));
    }
  };
  if (navigator.mediaDevices) {
    const own = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    let opened = 0;
    navigator.mediaDevices.getUserMedia = async (wish) => {
      const audio = wish?.audio;
      const off = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      const stream = await own(raw && typeof audio === "object" ? { ...wish, audio: { ...audio, ...off } } : wish);
      const track = stream.getAudioTracks()[0]!;
      const copy = track.clone();
      void record(`microphone ${String((opened += 1)).padStart(3, "0")}`, copy);
      // Its copy must not keep the microphone open.
      const stop = track.stop.bind(track);
      track.stop = () => (copy.stop(), stop());
      Object.assign(window, { vigieProcessing: track.getSettings() });
      return stream;
    };
  }
  Object.assign(window, {
    vigieKeep(yes: boolean): void {
      if (yes) for (const name of Object.keys(kept)) delete kept[name];
      keeping = yes;
    },
    // Where this page's clock stands beside the machine's, in ms, at the moments when the latter moves on by one.
    vigieClock(): number[] {
      const all: number[] = [];
      for (let n = 0, last = Date.now(); n < 40; ) {
        const now = Date.now();
        const here = performance.now();
        if (now === last) continue;
        if (now === last + 1) all.push(now - here);
        last = now;
        n += 1;
      }
      return all.sort((a, b) => a - b);
    },
    vigieKept(): Record<string, { rate: number; chunks: [number, number][]; sound: string }> {
      return Object.fromEntries(
        Object.entries(kept).map(([name, { rate, chunks }]) => {
          const raw = new Int16Array(chunks.reduce((sum, c) => sum + c.samples.length, 0));
          let at = 0;
          for (const c of chunks) for (const s of c.samples) raw[at++] = Math.round(32767 * Math.max(-1, Math.min(1, s)));
          let bytes = "";
          const all = new Uint8Array(raw.buffer);
          for (let from = 0; from < all.length; from += 8192) bytes += String.fromCharCode(...all.subarray(from, from + 8192));
          return [name, { rate, chunks: chunks.map((c): [number, number] => [c.at, c.samples.length]), sound: btoa(bytes) }];
        }),
      );
    },
    async vigieConcealed(): Promise<Concealed> {
      const sum = { concealed: 0, inserted: 0, removed: 0, lost: 0, received: 0, buffered: 0, emitted: 0 };
      for (const line of lines)
        for (const one of (await line.getStats()).values()) {
          if (one.type !== "inbound-rtp" || !one.packetsReceived) continue;
          sum.concealed += one.concealedSamples - one.silentConcealedSamples;
          sum.inserted += one.insertedSamplesForDeceleration;
          sum.removed += one.removedSamplesForAcceleration;
          sum.lost += one.packetsLost;
          sum.received += one.packetsReceived;
          sum.buffered += one.jitterBufferDelay;
          sum.emitted += one.jitterBufferEmittedCount;
        }
      return sum;
    },
  });
}

/** What a browser recorded of one track. */
class Track implements Recording {
  /** Of each chunk: its first sample, and the moment of the track's sample 0 as the chunks around it tell, the least late of them. */
  private readonly begins: number[] = [];
  private readonly zero: number[] = [];

  constructor(
    readonly rate: number,
    readonly samples: Float32Array,
    chunks: [number, number][],
    from: "microphone" | "voice",
    clock: number,
  ) {
    let at = 0;
    const zeros = chunks.map(([ms, length]) => {
      this.begins.push(at);
      at += length;
      // A chunk of a microphone is there when its last sample was said, one that is played when its first is heard.
      return ms + clock - (1000 * (from === "microphone" ? at : at - length)) / rate;
    });
    const around = 50; // chunks of 10 ms
    zeros.forEach((_, i) => this.zero.push(Math.min(...zeros.slice(Math.max(0, i - around), i + around))));
  }

  when(at: number): number {
    let low = 0;
    for (let high = this.begins.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.begins[middle]! <= at) low = middle + 1;
      else high = middle;
    }
    return this.zero[Math.max(0, low - 1)]! + (1000 * at) / this.rate;
  }
}

/** What Chromium tells of the voices that came in: what it made up, put in and left out, in samples; packets; how long its buffer held all samples, in seconds. */
export interface Concealed {
  concealed: number;
  inserted: number;
  removed: number;
  lost: number;
  received: number;
  buffered: number;
  emitted: number;
}

declare global {
  interface Window {
    vigieKeep(yes: boolean): void;
    vigieClock(): number[];
    vigieKept(): Record<string, { rate: number; chunks: [number, number][]; sound: string }>;
    vigieConcealed(): Promise<Concealed>;
    vigieProcessing: MediaTrackSettings;
  }
}

/** A page of somebody whose browser keeps its sound. raw: the browser leaves the microphone's sound as it is. */
export async function recordedPage(browser: Browser, raw: boolean, look: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ ...look, permissions: ["microphone"] });
  await context.addInitScript(instrument, raw);
  return context.newPage();
}

/** What a page said and heard in a time, with the exactness of its clock in ms. */
export interface Heard {
  microphone: Recording;
  voice: Recording;
  concealed: Concealed;
  clock: number;
  from: number;
  to: number;
}

/** Records a page for so many seconds. */
export async function records(page: Page, seconds: number): Promise<Heard> {
  const clocks = await page.evaluate(() => window.vigieClock());
  const before = await page.evaluate(() => window.vigieConcealed());
  await page.evaluate(() => window.vigieKeep(true));
  const from = Date.now();
  await page.waitForTimeout(1000 * seconds);
  const to = Date.now();
  await page.evaluate(() => window.vigieKeep(false));
  const after = await page.evaluate(() => window.vigieConcealed());
  clocks.push(...(await page.evaluate(() => window.vigieClock())));
  clocks.sort((a, b) => a - b);
  const clock = clocks[Math.floor(clocks.length / 10)]!; // whoever is late in seeing the clock move is too large
  const kept = await page.evaluate(() => window.vigieKept());
  const tracks = Object.entries(kept).map(([name, { rate, chunks, sound }]) => {
    const bytes = Buffer.from(sound, "base64");
    const samples = Float32Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i) / 32768);
    return { name, power: power(samples), track: new Track(rate, samples, chunks, name.startsWith("microphone") ? "microphone" : "voice", clock) };
  });
  // The microphone that was opened last, and whoever is heard.
  tracks.sort((a, b) => (a.name.startsWith("microphone") ? b.name.localeCompare(a.name) : b.power - a.power));
  const track = (kind: string): Track => {
    const first = tracks.find(({ name }) => name.startsWith(kind));
    if (!first) throw new Error(`no ${kind} was recorded, of ${tracks.map(({ name }) => name).join(", ")}`);
    return first.track;
  };
  const concealed = Object.fromEntries(Object.entries(after).map(([what, n]) => [what, n - before[what as keyof Concealed]])) as unknown as Concealed;
  return { microphone: track("microphone"), voice: track("voice"), concealed, clock: clocks[Math.floor(clocks.length * 0.9)]! - clocks[0]!, from, to };
}

function power(samples: Float32Array): number {
  let sum = 0;
  for (const s of samples) sum += s * s;
  return Math.sqrt(sum / Math.max(1, samples.length));
}

// What is measured in it.

/** How loud a pitch is, in dB of the loudest that can be: the middle one of pieces of an eighth of a second, each in Hann's window. */
export function decibels({ samples, rate }: Pick<Recording, "samples" | "rate">, pitch: number): number {
  const n = rate / 8;
  const all: number[] = [];
  for (let from = 0; from + n <= samples.length; from += n) {
    let re = 0;
    let im = 0;
    for (let i = 0; i < n; i += 1) {
      const s = samples[from + i]! * (1 - Math.cos((2 * Math.PI * i) / n));
      const a = (2 * Math.PI * pitch * i) / rate;
      re += s * Math.cos(a);
      im += s * Math.sin(a);
    }
    all.push((2 * Math.hypot(re, im)) / n);
  }
  return 20 * Math.log10(Math.max(1e-6, median(all)));
}

/** The longest time, in ms, in which what should go on is a quarter of its usual loudness or less. */
export function longestGap({ samples, rate }: Recording): number {
  const n = rate / 200;
  const all: number[] = [];
  for (let from = 0; from + n <= samples.length; from += n) all.push(power(samples.subarray(from, from + n)));
  const usual = median(all);
  let gap = 0;
  let longest = 0;
  for (const one of all) {
    gap = one < usual / 4 ? gap + 1 : 0;
    longest = Math.max(longest, gap);
  }
  return usual < 0.01 ? Infinity : 5 * longest;
}

/** The moments at which marks were said or heard. */
export function marks(recording: Recording): number[] {
  const thin = recording.rate >= 32000 ? Math.round(recording.rate / 16000) : 1;
  const rate = recording.rate / thin;
  const samples = Float32Array.from({ length: Math.floor(recording.samples.length / thin) }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < thin; k += 1) sum += recording.samples[i * thin + k]!;
    return sum / thin;
  });
  const one = mark(rate);
  const likeness = new Float32Array(Math.max(0, samples.length - one.length));
  for (let at = 0; at < likeness.length; at += 1) {
    let sum = 0;
    for (let i = 0; i < one.length; i += 1) sum += samples[at + i]! * one[i]!;
    likeness[at] = sum;
  }
  const most = likeness.reduce((a, b) => Math.max(a, b), 0);
  const found: number[] = [];
  for (let at = 1; at + 1 < likeness.length; at += 1) {
    if (likeness[at]! < most / 2) continue;
    let best = at;
    for (let next = at; next < Math.min(likeness.length - 1, at + rate / 4); next += 1) if (likeness[next]! > likeness[best]!) best = next;
    const [left, top, right] = [likeness[best - 1]!, likeness[best]!, likeness[best + 1]!];
    const between = (left - right) / (2 * (left - 2 * top + right) || 1);
    found.push(recording.when((best + between + (thin - 1) / (2 * thin)) * thin));
    at = best + Math.round(rate / 2);
  }
  return found;
}

/** How long each mark was on its way, in ms: those that were said, and the first heard after each. */
export function delays(said: number[], heard: number[]): number[] {
  return said.flatMap((at) => {
    const came = heard.find((moment) => moment > at - 20);
    return came !== undefined && came - at < 700 ? [came - at] : [];
  });
}

export function median(all: number[]): number {
  return quantile(all, 0.5);
}

export function quantile(all: number[], part: number): number {
  const sorted = [...all].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

export function rounded(n: number, digits = 1): number {
  return Math.round(n * 10 ** digits) / 10 ** digits;
}

// Speech.

/** Brings sound to 8 kHz and to what a telephone carries of it. */
function narrow({ samples, rate }: Pick<Recording, "samples" | "rate">): Float32Array {
  if (rate === 8000) return samples;
  const [cut, half] = [3400 / rate, Math.round(rate / 500)];
  const filter = Float32Array.from({ length: 2 * half + 1 }, (_, i) => {
    const x = i - half;
    const sinc = x === 0 ? 2 * cut : Math.sin(2 * Math.PI * cut * x) / (Math.PI * x);
    return sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / half));
  });
  return Float32Array.from({ length: Math.floor((samples.length * 8000) / rate) }, (_, at) => {
    const middle = Math.round((at * rate) / 8000);
    let sum = 0;
    for (let i = -half; i <= half; i += 1) sum += (samples[middle + i] ?? 0) * filter[i + half]!;
    return sum;
  });
}

/** How loud each 10 ms are, in dB, and no less than 40 below what is loud. */
function envelope(of: Pick<Recording, "samples" | "rate">): number[] {
  const samples = narrow(of);
  const all: number[] = [];
  for (let from = 0; from + 80 <= samples.length; from += 80) all.push(20 * Math.log10(power(samples.subarray(from, from + 80)) + 1e-6));
  const floor = quantile(all, 0.95) - 40;
  return all.map((one) => Math.max(floor, one));
}

function correlation(a: number[], b: number[]): number {
  const [meanA, meanB] = [a, b].map((all) => all.reduce((sum, one) => sum + one, 0) / all.length) as [number, number];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((one, i) => {
    ab += (one - meanA) * (b[i]! - meanB);
    aa += (one - meanA) ** 2;
    bb += (b[i]! - meanB) ** 2;
  });
  return ab / Math.sqrt(aa * bb || 1);
}

/**
 * How whole speech is that was heard, beside all that was said: how much the loudness of one goes with that of the
 * other (1 is in all), and the longest time, in ms, in which words were said and 15 dB less of them than usual was heard.
 */
export function wholeness(said: Pick<Recording, "samples" | "rate">, heard: Pick<Recording, "samples" | "rate">): { likeness: number; missing_ms: number; speech_s: number; gain_db: number } {
  const [all, part] = [envelope(said), envelope(heard)];
  let [best, at] = [-1, 0];
  for (let lag = 0; lag + part.length <= all.length; lag += 1) {
    const alike = correlation(all.slice(lag, lag + part.length), part);
    if (alike > best) [best, at] = [alike, lag];
  }
  const source = all.slice(at, at + part.length);
  const words = quantile(all, 0.95) - 20;
  const gains = source.map((one, i) => (one > words ? part[i]! - one : NaN));
  let [missing, longest, speech] = [0, 0, 0];
  gains.forEach((gain, i) => {
    if (Number.isNaN(gain)) {
      missing = 0;
      return;
    }
    speech += 1;
    // The browser may make her louder or softer as she goes on.
    const usual = median(gains.slice(Math.max(0, i - 300), i + 300).filter((one) => !Number.isNaN(one)));
    missing = gain < usual - 15 ? missing + 1 : 0;
    longest = Math.max(longest, missing);
  });
  return { likeness: rounded(best, 3), missing_ms: 10 * longest, speech_s: rounded(speech / 100), gain_db: rounded(median(gains.filter((one) => !Number.isNaN(one)))) };
}

/** Reads a WAV file of 16 bits and one voice. */
export async function readWAV(path: string): Promise<Pick<Recording, "samples" | "rate">> {
  const file = await readFile(path);
  const data = file.indexOf("data", 36, "latin1") + 8;
  return { rate: file.readUInt32LE(24), samples: Float32Array.from({ length: (file.length - data) >> 1 }, (_, i) => file.readInt16LE(data + 2 * i) / 32768) };
}
