import { define, Live } from "./element";
import { matches } from "./filter";
import { parse } from "./html";
import { order } from "./update";

const minute = 60_000;

/**
 * <live-floor> around the long lists of the floor. The server sends a row when it changes; here the minutes are counted on
 * ([data-since], milliseconds), the rows narrowed by [data-floor-filter] (a row says what it is in data-channel, data-topic,
 * data-lang, data-danger and data-words), and what may be done with one is fetched when it is opened (details[data-fetch]).
 * A [data-when-empty] or [data-when-filtered] sentence is there when its list has no row, or none that shows.
 */
class LiveFloor extends Live {
  private timer = 0;
  /** The moment at which rows that age unlike are compared. */
  private compared = Date.now();
  private form: HTMLFormElement | null = null;
  private waiting = 0;

  protected started(): void {
    this.form = this.querySelector("[data-floor-filter]");
    if (this.form) {
      for (const part of this.form.querySelectorAll<HTMLElement>("[data-scripted]")) part.hidden = false;
      for (const part of this.form.querySelectorAll<HTMLElement>("[data-scriptless]")) part.hidden = true;
      this.on(this.form, "input", () => this.filter());
      this.on(this.form, "reset", () => setTimeout(() => this.filter()));
      this.on(this.form, "submit", (event) => event.preventDefault());
    }
    this.on(this, "toggle", (event) => event.target instanceof HTMLDetailsElement && void this.fetch(event.target), { capture: true });
    // A burst of rows is looked at once.
    this.hear(document, "vigie:update", () => {
      this.waiting ||= requestAnimationFrame(() => {
        this.waiting = 0;
        this.look();
      });
    });
    const tick = (): void => {
      this.compared = Date.now();
      this.look();
      this.timer = setTimeout(tick, minute / 2);
    };
    tick();
  }

  protected override stopped(): void {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.waiting);
    this.waiting = 0;
  }

  private look(): void {
    this.count();
    this.sort();
    this.filter();
  }

  /** Counts the minutes on. */
  private count(): void {
    for (const said of this.querySelectorAll<HTMLElement>("[data-since]")) {
      const minutes = Math.floor((Date.now() - Number(said.dataset["since"])) / minute);
      const text = minutes < 1 ? "< 1 min" : minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")}`;
      if (said.textContent !== text) said.textContent = text;
    }
  }

  /** Sorts those who wait, where their queues age unlike: what stands first then changes with the time. */
  private sort(): void {
    const rows = [...this.querySelectorAll<HTMLElement>("#floor-line-rows > [data-ageing]")];
    if (new Set(rows.map((row) => row.dataset["ageing"])).size < 2) return;
    for (const row of rows) {
      const waited = (this.compared - Number(row.querySelector<HTMLElement>("[data-since]")?.dataset["since"])) / minute;
      row.dataset["seq"] = String(-Number(row.dataset["score"]) - Number(row.dataset["ageing"]) * waited);
    }
    for (const row of rows) order(row);
  }

  private filter(): void {
    const form = this.form;
    if (!form) return;
    const words = form.querySelector<HTMLInputElement>("input[type=search]")?.value ?? "";
    const { channel = "", topic = "", lang = "", minutes = "", danger = "" } = Object.fromEntries(new FormData(form)) as Record<string, string>;
    const since = Date.now() - Number(minutes) * minute;
    const narrowed = [channel, topic, lang, minutes, danger, words.trim()].some(Boolean);
    let shown = 0;
    let all = 0;
    for (const list of this.querySelectorAll<HTMLElement>(".floor-rows")) {
      let here = 0;
      for (const row of list.children as HTMLCollectionOf<HTMLElement>) {
        const asked =
          row.matches(".floor-seat") ||
          ((!channel || row.dataset["channel"] === channel) &&
            (!topic || row.dataset["topic"] === topic) &&
            (!lang || row.dataset["lang"] === lang) &&
            (!danger || row.hasAttribute("data-danger")) &&
            (!minutes || Number(row.querySelector<HTMLElement>("[data-since]")?.dataset["since"]) <= since));
        const fits = asked && matches(row.dataset["words"] ?? "", words);
        if (row.hidden === fits) row.hidden = !fits;
        if (fits) here += 1;
      }
      if (!list.matches(".floor-seats")) {
        shown += here;
        all += list.children.length;
      }
      this.say(`[data-when-empty="${list.id}"]`, list.children.length === 0);
      this.say(`[data-when-filtered="${list.id}"]`, list.children.length > 0 && here === 0);
    }
    const said = form.querySelector<HTMLElement>("[data-floor-said]");
    const text = narrowed ? (said?.dataset["words"] ?? "").replace("##", String(all)).replace("#", String(shown)) : "";
    if (said && said.textContent !== text) said.textContent = text;
  }

  private say(selector: string, there: boolean): void {
    const sentence = this.querySelector<HTMLElement>(selector);
    if (sentence) sentence.hidden = !there;
  }

  /** Fills an opened menu with what may be done now. */
  private async fetch(menu: HTMLDetailsElement): Promise<void> {
    const [url, sheet] = [menu.dataset["fetch"], menu.querySelector(".menu-sheet")];
    if (!menu.open || !url || !sheet) return;
    try {
      const answer = await fetch(url, { headers: { "Vigie-Script": "1" }, credentials: "same-origin", signal: this.leaving });
      // A fault is a sentence of the house too; a page of its own, behind the link, says it in full.
      if (answer.ok) sheet.replaceChildren(parse(await answer.text()));
    } catch {
      // No network: the link that stands there is tried again by hand.
    }
  }
}

define("live-floor", LiveFloor);
