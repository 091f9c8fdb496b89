import { define, Live } from "./element";
import { place } from "./update";

/** Seconds between two people who speak. */
const breath = 0.7;

/**
 * <replay-player data-base> around an invented contact: plays its moments, each asked of the server when its time has come. What is said in a
 * call ([data-sound]) is heard to its end before the next moment comes. Without JavaScript its links go back and on. Space plays and
 * pauses, the arrows go back and on.
 */
class ReplayPlayer extends Live {
  private timer = 0;
  private playing = false;

  protected started(): void {
    for (const hidden of this.querySelectorAll<HTMLElement>("[data-play], [data-speed]")) hidden.hidden = false;
    this.on(document, "click", (event) => {
      const target = event.target instanceof Element ? event.target : null;
      if (!target || !this.contains(target)) return;
      if (target.closest("[data-play]")) this.toggle();
      const link = target.closest("a[data-next], a[data-back]");
      if (!link || event.ctrlKey || event.metaKey || event.button !== 0) return;
      event.preventDefault();
      void this.go(this.at + (link.matches("[data-next]") ? 1 : -1), link.matches("[data-next]") ? "[data-next]" : "[data-back]");
    });
    this.on(document, "keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const target = event.target instanceof Element ? event.target : null;
      if (target?.matches("input, textarea, select, audio, [contenteditable]")) return;
      if (event.key === " " && !target?.closest("a, button, summary")) {
        event.preventDefault();
        this.toggle();
      } else if (event.key === "ArrowRight") void this.go(this.at + 1);
      else if (event.key === "ArrowLeft") void this.go(this.at - 1);
    });
  }

  protected override stopped(): void {
    clearTimeout(this.timer);
  }

  private get stage(): HTMLElement | null {
    return this.querySelector("#replay-stage");
  }

  private get at(): number {
    return Number(this.stage?.dataset["at"] ?? "1");
  }

  private get wait(): number {
    return Number(this.stage?.dataset["wait"] ?? "0");
  }

  private get sound(): HTMLAudioElement | null {
    return this.querySelector<HTMLAudioElement>("audio[data-sound]");
  }

  private toggle(): void {
    this.playing = !this.playing && (this.wait > 0 || this.sound !== null);
    if (!this.playing) this.sound?.pause();
    this.show();
    this.plan();
  }

  private show(): void {
    const button = this.querySelector("[data-play]");
    const label = button?.querySelector<HTMLElement>("[data-label]");
    button?.setAttribute("aria-pressed", String(this.playing));
    if (label) label.textContent = (this.playing ? label.dataset["pause"] : label.dataset["go"]) ?? "";
  }

  private plan(): void {
    clearTimeout(this.timer);
    if (!this.playing) return;
    const speed = Number(this.querySelector<HTMLSelectElement>("[data-speed] select")?.value ?? "1");
    const next = (seconds: number): void => {
      clearTimeout(this.timer);
      if (this.playing && this.wait > 0) this.timer = window.setTimeout(() => void this.go(this.at + 1), (seconds * 1000) / speed);
      else this.ends();
    };
    const sound = this.sound;
    if (!sound) {
      next(this.wait);
      return;
    }
    sound.playbackRate = speed;
    sound.onended = () => sound === this.sound && next(breath);
    // What cannot be heard (no sound device, a browser that refuses) is read, in its time; what was paused meanwhile waits.
    sound.play().catch((fault: unknown) => {
      if (sound === this.sound && !(fault instanceof DOMException && fault.name === "AbortError")) next(this.wait);
    });
  }

  private ends(): void {
    this.playing = false;
    this.show();
  }

  private async go(at: number, focus = ""): Promise<void> {
    clearTimeout(this.timer);
    if (at < 1 || (at > this.at && this.wait === 0)) return;
    try {
      const response = await fetch(`${this.dataset["base"] ?? ""}?at=${at}`, { headers: { "Vigie-Script": "1" }, credentials: "same-origin" });
      if (!response.ok || response.redirected) throw new Error();
      place(await response.text());
      if (focus) this.querySelector<HTMLElement>(focus)?.focus({ preventScroll: true });
      this.querySelector("#replay-log > :last-child")?.scrollIntoView({ block: "nearest" });
    } catch {
      this.playing = false; // the moment that is shown stays
    }
    if (this.wait === 0 && !this.sound) this.playing = false;
    this.show();
    this.plan();
  }
}

define("replay-player", ReplayPlayer);
