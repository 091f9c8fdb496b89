// What the journeys of the telephone stand on: a helpline that has one, desks with a headset, and what is heard
// at each. `import { test, expect } from "./calls"`.
import { test as base, expect } from "./vigie";
import { baresipIsMissing, OutsidePhone, Telephone, voices, type Calling, type Ear, type Voice } from "./telephone";
import { Counsellor } from "./people";
import type { BrowserContextOptions, Locator, Page } from "@playwright/test";

export { baresipIsMissing, expect };
export * from "./telephone";

type Someone = (look?: BrowserContextOptions) => Promise<Page>;

/** What a headset is in these tests: a microphone that says one tone, and an ear. It runs in the page. */
function headset(pitch: number): void {
  const ear = new AudioContext({ sampleRate: 8000 });
  const analyser = new AnalyserNode(ear, { fftSize: 32768, smoothingTimeConstant: 0 });
  const mouths: AudioNode[] = [];
  const ears: AudioNode[] = [];
  const connect = (track: MediaStreamTrack): void => {
    const source = ear.createMediaStreamSource(new MediaStream([track]));
    source.connect(analyser);
    ears.push(source);
  };
  const lines: RTCPeerConnection[] = [];
  const Own = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Own {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      lines.push(this);
      this.addEventListener("track", ({ track }) => connect(track));
    }
  };
  if (pitch > 0 && navigator.mediaDevices) {
    navigator.mediaDevices.getUserMedia = async () => {
      const mouth = new AudioContext();
      const tone = new OscillatorNode(mouth, { frequency: pitch });
      const loud = new GainNode(mouth, { gain: 0.3 });
      const out = new MediaStreamAudioDestinationNode(mouth, { channelCount: 1 });
      tone.connect(loud).connect(out);
      tone.start();
      mouths.push(tone); // or the browser may take it for forgotten
      return out.stream;
    };
  }
  Object.assign(window, {
    vigieHeard(seconds: number): string {
      const all = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(all);
      const raw = new Int16Array(Math.min(all.length, Math.round(8000 * seconds)));
      const from = all.length - raw.length;
      for (let i = 0; i < raw.length; i += 1) raw[i] = Math.round(32767 * Math.max(-1, Math.min(1, all[from + i]!)));
      let bytes = "";
      new Uint8Array(raw.buffer).forEach((byte) => (bytes += String.fromCharCode(byte)));
      return btoa(bytes);
    },
    vigieMouths: mouths,
    vigieLines: lines,
  });
}

/** A counsellor whose desk has a headset. */
export class PhoneDesk extends Counsellor implements Ear {
  readonly phone: Locator;
  readonly call: Locator;

  constructor(
    page: Page,
    readonly voice: Voice,
  ) {
    super(page);
    this.phone = page.locator("soft-phone");
    this.call = page.locator("#phone-call");
  }

  get name(): string {
    return this.voice;
  }

  async heard(seconds: number): Promise<Float32Array> {
    const raw = Buffer.from(await this.page.evaluate((s) => (window as unknown as { vigieHeard(s: number): string }).vigieHeard(s), seconds), "base64");
    return Float32Array.from({ length: raw.length / 2 }, (_, i) => raw.readInt16LE(2 * i) / 32768);
  }

  /** Says that her desk takes calls, and is there for whoever rings. */
  async takesCalls(): Promise<void> {
    const take = this.phone.locator("[data-phone-take]");
    const kept = await this.page.evaluate(() => localStorage.getItem("vigie-phone") ?? "");
    if (!kept.includes('"take":true')) {
      await expect(take, "this browser has not been asked").toHaveAttribute("aria-pressed", "false");
      await take.click();
    }
    await expect(take).toHaveAttribute("aria-pressed", "true");
    await this.becomes("available");
  }

  /** Waits until the call stands so: "talking", "hold". */
  async is(state: string): Promise<void> {
    await expect(this.call).toHaveAttribute("data-state", state);
  }

  /** Presses a button of the call by its words. */
  async presses(words: string): Promise<void> {
    await this.phone.getByRole("button", { name: words }).click();
  }

  /** Does something by the command bar. */
  async command(words: string): Promise<void> {
    await this.page.keyboard.press("Control+k");
    await expect(this.page.getByRole("combobox", { name: "Chercher une action" })).toBeFocused();
    await this.page.keyboard.type(words);
    await this.page.keyboard.press("Enter");
  }

  /** Opens « Passer l'appel », chooses who, and presses how. */
  async passesTo(who: RegExp | string, how: string): Promise<void> {
    const menu = this.phone.locator(".phone-transfer");
    await menu.locator("summary").click();
    const to = menu.getByLabel("À qui ?");
    const option = to.locator("option").filter({ hasText: who });
    await expect(option).toHaveCount(1);
    await to.selectOption((await option.getAttribute("value"))!);
    await menu.getByRole("button", { name: how }).click();
  }
}

interface OfCall {
  /** Somebody rings the helpline. She hangs up when the test is over. */
  rings(calling?: Calling): Promise<Telephone>;
  /** A telephone outside at these numbers, which answers by itself. */
  outside(...numbers: string[]): Promise<OutsidePhone>;
  /** Somebody rings the helpline from another maker's telephone, which speaks Opus. */
  ringsInOpus(): Promise<OutsidePhone>;
  /** A counsellor with a headset, at her desk. */
  desk(login: "camille" | "noe", look?: BrowserContextOptions): Promise<PhoneDesk>;
}

export const test = base.extend<OfCall>({
  telephone: [true, { scope: "worker" }],

  launchOptions: [
    async ({ launchOptions }, use) => {
      const args = [
        "--use-fake-device-for-media-stream",
        "--autoplay-policy=no-user-gesture-required",
        "--allow-loopback-in-peer-connection",
        "--disable-features=WebRtcHideLocalIpsWithMdns",
      ];
      await use({ ...launchOptions, args: [...(launchOptions.args ?? []), ...args] });
    },
    { scope: "worker" },
  ],

  rings: async ({ helpline }, use) => {
    const all: Telephone[] = [];
    await use(async (calling) => {
      const telephone = await Telephone.calls(helpline.line!.address, calling);
      all.push(telephone);
      return telephone;
    });
    for (const telephone of all) await telephone.hangsUp();
  },

  outside: async ({ helpline }, use) => {
    const all: OutsidePhone[] = [];
    await use(async (...numbers) => {
      const phone = await OutsidePhone.at(helpline.line!.operator, ...numbers);
      all.push(phone);
      return phone;
    });
    for (const phone of all) await phone.stop();
  },

  ringsInOpus: async ({ helpline }, use) => {
    const all: OutsidePhone[] = [];
    await use(async () => {
      const phone = await OutsidePhone.dials(helpline.line!.operator, helpline.line!.address);
      all.push(phone);
      return phone;
    });
    for (const phone of all) await phone.stop();
  },

  desk: async ({ someone }, use) => {
    await use(async (login, look) => {
      const page = await someoneWithHeadset(someone, voices[login], look);
      const desk = new PhoneDesk(page, login);
      await desk.logsIn(login);
      await desk.takesCalls();
      return desk;
    });
  },
});

/** A page of somebody who lets us use her headset; pitch 0 leaves the browser its own. */
export async function someoneWithHeadset(someone: Someone, pitch: number, look: BrowserContextOptions = {}): Promise<Page> {
  const page = await someone({ permissions: ["microphone"], ...look });
  await page.context().addInitScript(headset, pitch);
  return page;
}

/** The samples of an announcement as the page of them plays it: `page.locator("#sound-greetingfr")`. */
export async function announcement(item: Locator): Promise<Float32Array> {
  const raw = await (await item.page().request.get((await item.locator("audio").getAttribute("src"))!)).body();
  return Float32Array.from({ length: (raw.length - 44) >> 1 }, (_, i) => raw.readInt16LE(44 + 2 * i) / 32768);
}
