import { define, Live } from "./element";

/** Without an update for so long, the wall says since when: the server draws it every 15 s. */
const stale = 40_000;
/** The hour of the night at which the page is loaded anew. */
const anew = 4;

/**
 * <wall-clock data-build data-lang data-stale="Sans nouvelles depuis #"> shows the time ([data-clock]), says since when nothing has come
 * ([data-stale-words]), and loads the page anew: at night, when the program has another build than this page, and when the screen was
 * taken away. It never leaves for a page that does not answer, for nobody is there to press a key.
 */
class WallClock extends Live {
  private timer = 0;
  private heard = Date.now();
  private loaded = Date.now();
  private leaving_ = false;

  protected started(): void {
    this.hear(document, "vigie:update", () => this.news());
    this.hear(document, "vigie:ended", () => void this.reload());
    this.timer = setInterval(() => this.tick(), 1000);
    this.tick();
  }

  protected override stopped(): void {
    clearInterval(this.timer);
  }

  private news(): void {
    this.heard = Date.now();
    const build = document.getElementById("wall-board")?.dataset["build"] ?? "";
    if (build && build !== this.getAttribute("data-build")) void this.reload();
    this.tick();
  }

  private time(at: number): string {
    return new Date(at).toLocaleTimeString(this.getAttribute("data-lang") ?? "fr", { hour: "2-digit", minute: "2-digit" });
  }

  private tick(): void {
    const now = Date.now();
    say(this.querySelector("[data-clock]"), this.time(now));
    const words = this.querySelector<HTMLElement>("[data-stale-words]");
    const quiet = now - this.heard > stale;
    if (words) {
      if (quiet) say(words, (this.getAttribute("data-stale") ?? "#").replace("#", this.time(this.heard)));
      if (words.hidden === quiet) words.hidden = !quiet;
    }
    document.body.toggleAttribute("data-quiet", quiet);
    const hour = new Date(now);
    if (hour.getHours() === anew && now - this.loaded > 2 * 3600_000) void this.reload();
  }

  private async reload(): Promise<void> {
    if (this.leaving_) return;
    this.leaving_ = true;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
      if (answer.ok) {
        location.reload();
        return;
      }
    } catch {
      // The server is not there: the stream comes back first.
    }
    setTimeout(() => (this.leaving_ = false), 30_000);
  }
}

function say(element: Element | null, words: string): void {
  if (element && element.textContent !== words) element.textContent = words;
}

define("wall-clock", WallClock);
