import { define, Live } from "./element";

const every = 3000;

/**
 * <ring-bell data-title data-note> around what rings: while a [data-ring] is inside, a soft bell sounds
 * every three seconds, the title says so, and one notification without any content is shown when the
 * page is not in sight. Browsers want a gesture before any sound: until then [data-bell-unlock] asks.
 */
class RingBell extends Live {
  private watching: MutationObserver | undefined;
  private context: AudioContext | undefined;
  private timer = 0;
  private titleBefore = "";
  private note: Notification | undefined;
  private announced = new Set<string>();

  protected started(): void {
    this.watching = new MutationObserver(() => this.look());
    this.watching.observe(this, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-ring"] });
    const unlock = (): void => this.unlock();
    // Not before the click is over: what asks for it goes away, and what was pressed would move from under the finger.
    this.on(document, "click", unlock, { capture: true });
    this.on(document, "keydown", unlock, { capture: true });
    this.on(document, "click", (event) => {
      if (!(event.target instanceof Element) || !event.target.closest("[data-bell-unlock]") || !("Notification" in window)) return;
      void Notification.requestPermission().then(() => this.ask());
    });
    this.hear(document, "vigie:update", () => this.ask());
    this.look();
  }

  protected override stopped(): void {
    this.watching?.disconnect();
    this.quiet();
    void this.context?.close();
    this.context = undefined;
  }

  private unlock(): void {
    this.context ??= new AudioContext();
    void this.context.resume().then(() => this.ask());
  }

  private look(): void {
    const rings = [...this.querySelectorAll("[data-ring]")];
    this.ask();
    if (rings.length === 0) {
      this.quiet();
      this.announced.clear();
      return;
    }
    if (!this.timer) {
      this.titleBefore = document.title;
      this.strike();
      this.timer = setInterval(() => this.strike(), every);
    }
    for (const id of this.announced) {
      if (!rings.some((ring) => ring.id === id)) this.announced.delete(id);
    }
    document.title = `● ${this.getAttribute("data-title") ?? ""}`;
    for (const ring of rings) {
      if (this.announced.has(ring.id)) continue;
      this.announced.add(ring.id);
      this.notify();
    }
  }

  private quiet(): void {
    clearInterval(this.timer);
    if (this.timer) document.title = this.titleBefore;
    this.timer = 0;
    this.note?.close();
    this.note = undefined;
  }

  private notify(): void {
    if (!("Notification" in window) || Notification.permission !== "granted" || document.visibilityState === "visible") return;
    this.note?.close();
    // Without content: a screen beside the counsellor must not tell who is calling, or why.
    this.note = new Notification(this.getAttribute("data-title") ?? "", { body: this.getAttribute("data-note") ?? "", tag: "vigie-ring", requireInteraction: true });
    this.note.onclick = () => {
      window.focus();
      this.note?.close();
    };
  }

  /** Two soft tones, a third apart, like a ship's bell far off. */
  private strike(): void {
    const context = this.context;
    if (!context || context.state !== "running") return;
    for (const [pitch, at] of [[587.33, 0], [739.99, 0.28]] as const) {
      const tone = context.createOscillator();
      const loudness = context.createGain();
      const start = context.currentTime + at;
      tone.type = "sine";
      tone.frequency.value = pitch;
      loudness.gain.setValueAtTime(0, start);
      loudness.gain.linearRampToValueAtTime(0.22, start + 0.02);
      loudness.gain.exponentialRampToValueAtTime(0.0001, start + 1.1);
      tone.connect(loudness).connect(context.destination);
      tone.start(start);
      tone.stop(start + 1.2);
    }
  }

  private ask(): void {
    const asking = document.querySelector<HTMLElement>("[data-bell-unlock]");
    const mayNotify = !("Notification" in window) || Notification.permission !== "default";
    if (asking) asking.hidden = this.context?.state === "running" && mayNotify;
  }
}

define("ring-bell", RingBell);
