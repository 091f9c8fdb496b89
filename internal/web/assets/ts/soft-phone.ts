import { backoff, define, Live, post, sentence } from "./element";
import { PhoneLine, type LineState } from "./phone-line";
import { keep, kept, PhoneSound } from "./phone-sound";
import { place } from "./update";

/** What the server's piece says of the call. */
interface Call {
  contact: string;
  node: string;
  attached: string;
  state: string;
  act: string;
  /** How she listens to a colleague's call; "" is a call of her own. */
  part: string;
}

const onTheLine = new Set(["dialling", "talking", "hold", "intro", "conference", "listening"]);
const inSound = new Set(["talking", "intro", "conference", "listening"]);
/** A line that is not used is kept so long for the next call. */
const keepFor = 120_000;
/** The server forgets a desk that does not say again that it takes calls. A tab in the background may only speak once a minute. */
const readyEvery = 20_000;
const reportEvery = 5_000;
const mine = "vigie-phone-peers";
/** The call in which she muted herself in this tab: she stays muted in it, through a reload too. */
const silenced = "vigie-phone-muted";
/** What need not be said for long: all is as it should be. */
const goodNews = new Set(["connected", "unmuted", "tested"]);

/**
 * <soft-phone> makes true what the piece [data-phone-call] inside it says: the server draws what the call is
 * (data-contact, data-node, data-attached, data-state; data-quiet where nothing is to be heard yet), and this
 * element opens a line to that node, opens and closes the microphone, and attaches its line to the call, at the
 * first sight of it, after a reload and after any break. It never decides what a call is. While a line is alive it carries data-alive, and navigation leaves
 * it alone (stay.ts). Its words stand in its attributes, data-say-….
 */
class SoftPhone extends Live {
  private line: PhoneLine | undefined;
  private sound!: PhoneSound;
  private ready = false;
  private testing = false;
  private attaching = "";
  private elsewhere = "";
  private refused = "";
  private failures = 0;
  private again = 0;
  private idle = 0;
  private readyTimer = 0;
  private voiceless = false; // no microphone, in the middle of a call
  private asked = false; // whether the line is still there, in this silence
  private digits: string[] = [];
  private sendingDigits = false;
  private channel: BroadcastChannel | undefined;
  private voices = new Map<string, number>(); // how many packets came of each
  private last = { packets: 0, at: 0, reported: 0, bad: 0, delay: 0, emitted: 0, lost: 0, received: 0 };

  protected started(): void {
    this.sound = new PhoneSound(
      this.hasAttribute("data-raw"),
      (yes) => this.block(yes),
      () => this.unplugged(),
    );
    if (!this.dataset["node"]) return; // a picture in the gallery
    if (!("RTCPeerConnection" in window)) {
      this.say("unsupported");
      return;
    }
    this.on(this, "click", (event) => this.clicked(event));
    this.on(this, "submit", (event) => this.submit(event), { capture: true });
    this.on(this, "keydown", (event) => this.key(event));
    this.on(this, "change", (event) => this.change(event));
    this.on(this, "input", (event) => this.change(event));
    this.on(document, "pointerdown", () => this.sound.wake(), { capture: true });
    this.on(document, "keydown", () => this.sound.wake(), { capture: true });
    this.hear(document, "vigie:update", () => this.reconcile());
    this.hear(document, "vigie:back", () => this.reconcile());
    this.hear(window, "online", () => void this.online());
    this.hear(window, "offline", () => this.line && this.say("offline"));
    this.hear(window, "pagehide", () => this.leave());
    this.hear(window, "pageshow", (event) => (event as PageTransitionEvent).persisted && this.reconcile());
    this.hear(window, "beforeunload", (event) => this.talking && event.preventDefault());
    if (navigator.mediaDevices) this.hear(navigator.mediaDevices, "devicechange", () => void this.devices());
    this.channel = new BroadcastChannel("vigie-phone");
    this.channel.onmessage = ({ data }: MessageEvent<{ whose?: string; mine?: string }>) => {
      if (data.whose && data.whose === this.line?.peer) this.channel?.postMessage({ mine: data.whose });
    };
    const every = setInterval(() => this.beat(), 100);
    const second = setInterval(() => void this.listen(), 1000);
    this.leaving.addEventListener("abort", () => {
      clearInterval(every);
      clearInterval(second);
    });
    const volume = this.find<HTMLInputElement>("volume");
    if (volume) volume.value = String(kept().volume ?? 100);
    void this.devices();
    void this.resume();
    this.reconcile();
  }

  protected override stopped(): void {
    if (!this.dataset["node"]) return;
    this.leave();
    clearTimeout(this.again);
    clearTimeout(this.idle);
    clearTimeout(this.saying);
    clearInterval(this.readyTimer);
    this.channel?.close();
  }

  /** The network is back: another way is looked for, and where the old one still carries nothing more is to be said. */
  private async online(): Promise<void> {
    await this.line?.mend();
    if (this.said === "offline" && (!this.line || this.line.state === "open")) this.say(this.line ? "connected" : "");
  }

  private find<T extends HTMLElement>(part: string): T | null {
    return this.querySelector<T>(`[data-phone-${part}]`);
  }

  private get call(): Call {
    const { contact, node, attached, state, act, part } = this.find("call")?.dataset ?? {};
    return { contact: contact ?? "", node: node || this.dataset["node"] || "", attached: attached ?? "", state: state ?? "none", act: act || `/desk/phone/calls/${contact ?? ""}`, part: part ?? "" };
  }

  /** Whether she is on a call in this tab. */
  private get talking(): boolean {
    const { state, attached } = this.call;
    return onTheLine.has(state) && !!this.line && attached === this.line.peer;
  }

  // What the call is.

  private reconcile(): void {
    const call = this.call;
    clearTimeout(this.idle);
    this.clock();
    this.show("here", false);
    if (this.line && this.line.state === "gone") this.drop();
    if (call.state === "ringing") {
      if (this.ready) void this.prepare(call.node);
    } else if (onTheLine.has(call.state)) {
      if (sessionStorage.getItem(silenced) === call.contact) this.muted(true);
      void this.take(call);
    } else if (!this.testing) {
      this.rest();
    }
    this.alive();
  }

  /** After a call: the microphone is closed at once, the line a little later. */
  private rest(): void {
    this.elsewhere = this.refused = "";
    this.voiceless = false;
    this.sound.close();
    this.muted(false, false);
    void this.line?.speak(null);
    if (this.line) this.idle = setTimeout(() => this.drop(true), keepFor);
    if (["elsewhere", "silent", "bad", "again", "lost"].includes(this.said)) this.say("");
  }

  /** Makes a call that is going on be heard here, if it is not heard elsewhere. */
  private async take(call: Call): Promise<void> {
    if (this.line && call.attached === this.line.peer) {
      this.elsewhere = "";
      if (await this.prepare(call.node)) await this.isHeard();
      return;
    }
    if (call.attached) this.refused = "";
    if (this.refused === call.contact || (call.attached && !(await this.leftBehind(call.attached)))) {
      this.isElsewhere(call.contact);
      return;
    }
    // Of several tabs the one that is looked at comes first.
    if (!call.attached && document.visibilityState !== "visible") {
      await new Promise((done) => setTimeout(done, 1500));
      if (this.call.contact !== call.contact || this.call.attached) return;
    }
    await this.attach(call, !!call.attached);
  }

  private isElsewhere(contact: string): void {
    this.elsewhere = contact;
    this.sound.close();
    void this.line?.speak(null);
    this.say("elsewhere");
    this.show("here", true);
  }

  /** Whether an attached line was this browser's and is not alive in any of its tabs: before a reload, before a break. */
  private async leftBehind(peer: string): Promise<boolean> {
    if (!(sessionStorage.getItem(mine) ?? "").split(" ").includes(peer)) return false;
    const channel = new BroadcastChannel("vigie-phone");
    try {
      return await new Promise<boolean>((tell) => {
        channel.onmessage = ({ data }: MessageEvent<{ mine?: string }>) => data.mine === peer && tell(false);
        channel.postMessage({ whose: peer });
        setTimeout(() => tell(true), 200);
      });
    } finally {
      channel.close();
    }
  }

  private async attach(call: Call, force: boolean): Promise<void> {
    if (this.attaching === call.contact) return;
    this.attaching = call.contact;
    try {
      if (!(await this.prepare(call.node)) || !this.line) throw new Error("no line");
      if (this.call.contact !== call.contact) return;
      const response = await post(`${call.act}/attach`, { peer: this.line.peer, node: call.node, force: force ? "1" : "0" });
      if (response.status === 409) {
        this.refused = call.contact; // until the piece says by whom it is taken
        this.isElsewhere(call.contact);
        return;
      }
      if (response.status === 404 || response.status === 410) return; // the call is over: the piece will say so
      if (!response.ok) throw new Error(await sentence(response));
      this.failures = 0;
      this.elsewhere = this.refused = "";
      if (["lost", "again", "connecting", "elsewhere"].includes(this.said)) this.say("connected");
      if ((response.headers.get("Content-Type") ?? "").startsWith("text/html")) place(await response.text());
      if (this.sound.muted) this.say("muted"); // as before the reload: she is told again
      await this.isHeard();
    } catch {
      this.failures += 1;
      this.say(navigator.onLine ? "lost" : "offline");
      clearTimeout(this.again);
      this.again = setTimeout(() => this.reconcile(), backoff(this.failures));
    } finally {
      this.attaching = "";
      this.alive();
    }
  }

  /** A line to that node and an open microphone; false when there is no line. */
  private async prepare(node: string): Promise<boolean> {
    if (this.line && (this.line.node !== node || this.line.state === "gone")) this.drop(true);
    if (!this.line) {
      const line = new PhoneLine(node, {
        state: (state) => this.line === line && this.lineIs(state),
        voice: (track, at) => this.sound.play(track, at),
      });
      this.line = line;
      this.alive();
      const before = (sessionStorage.getItem(mine) ?? "").split(" ").slice(-8);
      sessionStorage.setItem(mine, [...before, line.peer].join(" ").trim());
      this.say("connecting");
    }
    const line = this.line;
    // Who only listens is heard by nobody: no microphone is opened for it.
    const silent = this.call.part === "listener";
    if (silent) this.sound.close();
    const [open] = await Promise.all([line.open(), silent || this.microphone()]);
    // What rang may be over by now: no microphone stays open for it.
    if (this.call.state === "none" && !this.testing) this.sound.close();
    if (this.line === line) await line.speak(this.sound.track);
    return open;
  }

  private async microphone(): Promise<boolean> {
    if (this.sound.track?.readyState === "live") return true;
    const asking = setTimeout(() => this.say("asking"), 700);
    const refusal = await this.sound.open();
    clearTimeout(asking);
    if (refusal) this.say(refusal);
    else {
      if (["asking", "denied", "none", "unplugged", "voiceless"].includes(this.said)) this.say("");
      void this.devices();
    }
    return !refusal;
  }

  /** A call without a microphone: the caller is not left in silence but hears that she is to wait, and nobody else is sent here. */
  private async isHeard(): Promise<void> {
    if (this.sound.track) {
      this.voiceless = false;
      return;
    }
    if (this.voiceless || !this.talking || this.call.part === "listener") return;
    this.voiceless = true;
    this.takes(false);
    if (this.call.state === "talking") {
      const response = await post(`${this.call.act}/hold`, {}).catch(() => undefined);
      if (response?.ok && (response.headers.get("Content-Type") ?? "").startsWith("text/html")) place(await response.text());
    }
    this.say("voiceless");
  }

  private lineIs(state: LineState): void {
    if (state === "healing") this.say(navigator.onLine ? "again" : "offline");
    else if (state === "open" && ["again", "connecting", "offline", "lost"].includes(this.said)) this.say(this.said === "connecting" ? "" : "connected");
    else if (state === "gone") {
      this.testing = false;
      this.pressed("test", false);
      this.sound.silence();
      // A call that goes on gets another line.
      if (onTheLine.has(this.call.state) && !this.elsewhere) {
        this.failures += 1;
        clearTimeout(this.again);
        this.again = setTimeout(() => this.reconcile(), this.failures > 1 ? backoff(this.failures - 1) : 0);
      }
    }
    this.alive();
  }

  private drop(close = false): void {
    const line = this.line;
    this.line = undefined;
    if (close) line?.close();
    this.sound.silence();
    this.alive();
  }

  /** The page goes: the caller is asked to wait, or the call is heard in another tab. */
  private leave(): void {
    if (!this.line) return;
    this.drop(true);
    this.sound.close();
  }

  private alive(): void {
    this.toggleAttribute("data-alive", !!this.line || onTheLine.has(this.call.state) || this.call.state === "ringing");
    this.toggleAttribute("data-on-call", onTheLine.has(this.call.state));
    this.find("mute")?.classList.toggle("phone-idle", !onTheLine.has(this.call.state) || !!this.elsewhere || this.call.part === "listener");
  }

  // What she does.

  private clicked(event: MouseEvent): void {
    const at = event.target instanceof Element ? event.target : null;
    const pressed = (part: string): boolean => !!at?.closest(`[data-phone-${part}]`);
    this.sound.wake();
    if (pressed("take")) void this.switch(!this.ready);
    else if (pressed("mute")) this.muted(!this.sound.muted);
    else if (pressed("here")) {
      this.show("here", false);
      void this.attach(this.call, true);
    } else if (pressed("unblock")) this.sound.unblock();
    else if (pressed("test")) void this.test();
  }

  /** Whether this desk takes calls. The microphone is asked for once, and closed again. */
  private async switch(on: boolean): Promise<void> {
    if (on) {
      if (!(await this.microphone())) return;
      if (!this.line || this.call.state === "none") this.sound.close();
    }
    this.takes(on);
    keep({ take: on });
  }

  private takes(on: boolean): void {
    this.ready = on;
    this.pressed("take", on);
    this.toggleAttribute("data-ready", on);
    clearInterval(this.readyTimer);
    const tell = (): void => void post("/desk/phone/ready", { on: on ? "1" : "0" }).catch(() => undefined);
    tell();
    if (on) this.readyTimer = setInterval(tell, readyEvery);
    this.reconcile();
  }

  /** A desk that took calls before this page takes them again, where the browser need not ask. */
  private async resume(): Promise<void> {
    if (!kept().take) {
      // She took calls at another computer, or before this one forgot: here nobody would hear them.
      if (this.hasAttribute("data-ready")) this.takes(false);
      return;
    }
    const permission = await navigator.permissions?.query({ name: "microphone" as PermissionName }).catch(() => undefined);
    if (permission?.state === "denied") this.say("denied");
    else if (!permission || permission.state === "granted") this.takes(true);
    else this.pressed("take", false);
  }

  private muted(yes: boolean, aloud = true): void {
    if (this.sound.muted === yes) return;
    this.sound.muted = yes;
    if (yes) sessionStorage.setItem(silenced, this.call.contact);
    else sessionStorage.removeItem(silenced);
    this.pressed("mute", yes);
    if (aloud) this.say(yes ? "muted" : "unmuted");
    else if (this.said === "muted") this.say("");
  }

  private async test(): Promise<void> {
    if (this.testing) {
      this.testing = false;
      this.pressed("test", false);
      this.say("tested");
      this.drop(true);
      this.reconcile();
      return;
    }
    if (this.call.state !== "none" && this.call.state !== "ended") return;
    this.testing = true;
    this.pressed("test", true);
    const node = this.dataset["node"] ?? "";
    if (!(await this.prepare(node)) || !this.line || !this.testing) {
      this.testing = false;
      this.pressed("test", false);
      this.say("lost");
      return;
    }
    const response = await post("/desk/phone/test", { peer: this.line.peer, node }).catch(() => undefined);
    if (response?.ok) this.say("testing");
    else {
      this.say("lost");
      void this.test();
    }
  }

  private change(event: Event): void {
    const field = event.target;
    if (field instanceof HTMLInputElement && field.matches("[data-phone-volume]")) this.sound.volume = Number(field.value);
    if (!(field instanceof HTMLSelectElement) || event.type !== "change") return;
    if (field.matches("[data-phone-speaker]")) this.sound.speaker = field.value;
    if (field.matches("[data-phone-microphone]")) {
      keep({ microphone: field.value });
      if (!this.sound.track) return;
      this.sound.close();
      void this.microphone().then(() => this.line?.speak(this.sound.track));
    }
  }

  // Keys are sent one post after the other, in their order, however fast she types.
  private submit(event: SubmitEvent): void {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches("[data-phone-digits]")) return;
    event.preventDefault();
    const digit = event.submitter instanceof HTMLButtonElement ? event.submitter.value : "";
    if (digit) this.press(digit, form.action);
  }

  private key(event: KeyboardEvent): void {
    const pad = event.target instanceof Element ? event.target.closest<HTMLDetailsElement>(".phone-keypad") : null;
    if (!pad || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && pad.open) {
      pad.open = false;
      pad.querySelector("summary")?.focus();
      return;
    }
    const button = /^[0-9*#]$/.test(event.key) ? pad.querySelector<HTMLButtonElement>(`button[value="${CSS.escape(event.key)}"]`) : null;
    if (!button || !pad.open) return;
    event.preventDefault();
    button.focus();
    button.click();
  }

  private press(digit: string, action: string): void {
    this.sound.key(digit);
    const shown = this.find("dialled");
    if (shown) shown.textContent = `${shown.textContent ?? ""}${digit}`.slice(-16);
    this.digits.push(digit);
    void this.sendDigits(action);
  }

  private async sendDigits(action: string): Promise<void> {
    if (this.sendingDigits) return;
    this.sendingDigits = true;
    try {
      while (this.digits.length > 0) {
        const digits = this.digits.splice(0).join("");
        const response = await post(action, { digits });
        if (!response.ok) this.words(await sentence(response));
      }
    } catch {
      this.digits = [];
      this.say("offline");
    } finally {
      this.sendingDigits = false;
    }
  }

  // What the line does.

  /** Ten times a second, while somebody looks: the meters, and a glow that says that her voice is heard. */
  private beat(): void {
    if (document.visibilityState !== "visible" || (!this.line && !this.sound.track)) return;
    const [inside, outside] = this.sound.levels;
    const meter = (part: string, value: number): void => {
      const shown = this.find<HTMLMeterElement>(part);
      if (shown) shown.value = value;
    };
    meter("level-in", inside);
    meter("level-out", outside);
    const glow = this.find("glow");
    if (glow) glow.dataset["level"] = String(Math.ceil(inside * 4));
  }

  /** Once a second: how long the call is, whether sound arrives, and every five what the line is like. */
  private async listen(): Promise<void> {
    this.clock();
    if (!this.talking || this.line?.state !== "open") {
      this.last = { ...this.last, packets: 0, at: 0 };
      return;
    }
    const report = await this.line.stats;
    if (!report) return;
    const now = performance.now();
    const spoken = new Set<string>();
    const seen = { packets: 0, lost: 0, jitter: 0, delay: 0, emitted: 0, remoteLoss: 0, roundTrip: 0, concealed: 0, samples: 0 };
    report.forEach((s: Record<string, number | string>) => {
      const n = (name: string): number => Number(s[name] ?? 0);
      if (s["type"] === "inbound-rtp") {
        seen.packets += n("packetsReceived");
        if (n("packetsReceived") > (this.voices.get(String(s["id"])) ?? 0)) spoken.add(String(s["codecId"]));
        this.voices.set(String(s["id"]), n("packetsReceived"));
        seen.lost += n("packetsLost");
        seen.jitter = Math.max(seen.jitter, n("jitter"));
        seen.delay += n("jitterBufferDelay");
        seen.emitted += n("jitterBufferEmittedCount");
        seen.concealed += n("concealedSamples");
        seen.samples += n("totalSamplesReceived");
      } else if (s["type"] === "remote-inbound-rtp") {
        seen.remoteLoss = Math.max(seen.remoteLoss, n("fractionLost"));
        seen.roundTrip = Math.max(seen.roundTrip, n("roundTripTime"));
      } else if (s["type"] === "candidate-pair" && s["nominated"] && s["state"] === "succeeded") {
        seen.roundTrip = Math.max(seen.roundTrip, n("currentRoundTripTime"));
      }
    });
    if (spoken.size > 0) {
      const codecs = [...spoken].map((id) => (report.get(id) as { mimeType?: string } | undefined)?.mimeType?.toLowerCase());
      void this.line.speaks(codecs.includes("audio/opus"));
    }
    if (seen.packets !== this.last.packets || this.last.at === 0) {
      this.last.packets = seen.packets;
      this.last.at = now;
      this.asked = false;
      if (this.said === "silent") this.say("");
    } else if (now - this.last.at > 1900 && inSound.has(this.call.state) && !this.find("call")?.hasAttribute("data-quiet")) {
      // A server that lost the line does not answer for it; one that has it answers, and the caller is silent.
      if (!this.asked) void this.line.mend();
      else this.say("silent");
      this.asked = true;
    }
    if (this.last.reported > 0 && now - this.last.reported < reportEvery) return;
    const received = seen.packets - this.last.received;
    const lost = Math.max(0, seen.lost - this.last.lost);
    const emitted = seen.emitted - this.last.emitted;
    const quality = {
      loss: received + lost > 0 ? lost / (received + lost) : 0,
      jitter: seen.jitter,
      rtt: seen.roundTrip,
      jitterBufferDelay: emitted > 0 ? (seen.delay - this.last.delay) / emitted : 0,
      remoteLoss: seen.remoteLoss,
      concealed: seen.samples > 0 ? seen.concealed / seen.samples : 0,
    };
    const first = this.last.reported === 0;
    this.last = { ...this.last, reported: now, received: seen.packets, lost: seen.lost, delay: seen.delay, emitted: seen.emitted };
    if (first) return;
    this.last.bad = Math.max(quality.loss, quality.remoteLoss) > 0.06 || quality.rtt > 0.6 ? this.last.bad + 1 : 0;
    if (this.last.bad >= 2) this.say("bad");
    else if (this.said === "bad") this.say("");
    if (this.call.part) return; // of a listener's line nobody keeps what it was like
    void post(`${this.call.act}/quality`, { json: JSON.stringify(quality) }).catch(() => undefined);
  }

  private clock(): void {
    const since = this.querySelector<HTMLTimeElement>("[data-phone-since]");
    const began = since ? Date.parse(since.dateTime) : NaN;
    if (!since || Number.isNaN(began)) return;
    const s = Math.max(0, Math.floor((Date.now() - began) / 1000));
    const two = (n: number): string => String(n).padStart(2, "0");
    const shown = s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
    if (since.textContent !== shown) since.textContent = shown;
  }

  private unplugged(): void {
    void this.line?.speak(null);
    if (!this.line || this.call.state === "none") return;
    this.say("unplugged");
    // Another one may be there.
    setTimeout(() => void this.voiceAgain(), 500);
  }

  private async voiceAgain(): Promise<void> {
    if (await this.microphone()) await this.line?.speak(this.sound.track);
    await this.isHeard();
  }

  private async devices(): Promise<void> {
    if (this.voiceless && this.talking && !this.sound.track) void this.voiceAgain();
    const sink = this.find("sink");
    if (sink) sink.hidden = !PhoneSound.canChooseSpeaker;
    const all = await navigator.mediaDevices?.enumerateDevices().catch(() => []);
    for (const [part, kind, chosen] of [["microphone", "audioinput", kept().microphone], ["speaker", "audiooutput", kept().speaker]] as const) {
      const select = this.find<HTMLSelectElement>(part);
      if (!select || select === document.activeElement) continue;
      for (const option of [...select.options].slice(1)) option.remove();
      // Before the browser lets us, it names none of them.
      const of = (all ?? []).filter((d) => d.kind === kind && d.deviceId && d.deviceId !== "default" && d.deviceId !== "communications");
      of.forEach((device, at) => {
        const option = new Option(device.label || (this.dataset["sayDevice"] ?? "").replace("#", String(at + 1)), device.deviceId);
        option.selected = device.deviceId === chosen;
        select.append(option);
      });
    }
  }

  private block(yes: boolean): void {
    this.show("unblock", yes);
    if (yes) this.say("blocked");
    else if (this.said === "blocked") this.say("");
  }

  private show(part: string, yes: boolean): void {
    const shown = this.find(part);
    if (shown) shown.hidden = !yes;
  }

  private pressed(part: string, yes: boolean): void {
    this.find(part)?.setAttribute("aria-pressed", String(yes));
  }

  private said = "";
  private saying = 0;

  /** Says what happens, in the words of data-say-…; "" takes them back. */
  private say(what: string): void {
    this.said = what;
    this.words(what ? (this.getAttribute(`data-say-${what}`) ?? "") : "");
    this.setAttribute("data-said", what);
    clearTimeout(this.saying);
    if (goodNews.has(what)) this.saying = setTimeout(() => this.say(""), 8000);
  }

  private words(text: string): void {
    const status = this.find("status");
    if (status && status.textContent !== text) status.textContent = text;
  }
}

define("soft-phone", SoftPhone);
