import { define, Live } from "./element";

function newestOf(view: HTMLElement): Element | undefined {
  return [...view.querySelectorAll("[data-from][data-seq]")].pop();
}

/**
 * <chat-log> around [data-log-view] (what scrolls) and [data-log-new] (a button): keeps the foot in sight
 * while the reader is at the foot, and otherwise says that something new has come.
 */
class ChatLog extends Live {
  private atFoot = true;
  private newest = ""; // the id of the newest message: one that is drawn again is no news
  private watching: MutationObserver | undefined;
  private sizing: ResizeObserver | undefined;

  protected started(): void {
    const view = this.view;
    if (!view) return;
    this.newest = newestOf(view)?.id ?? "";
    this.toFoot();
    this.on(view, "scroll", () => {
      this.atFoot = view.scrollHeight - view.scrollTop - view.clientHeight < 48;
      if (this.atFoot) this.news(false);
    }, { passive: true });
    const button = this.querySelector("[data-log-new]");
    if (button) this.on(button, "click", () => this.toFoot(true));
    this.watching = new MutationObserver((changes) => {
      // Earlier messages come above (earlier.ts): only what becomes the newest is news.
      const newest = newestOf(view);
      const added = newest?.id !== this.newest && changes.some((c) => [...c.addedNodes].some((n) => n === newest));
      this.newest = newest?.id ?? "";
      const mine = changes.some((c) => [...c.addedNodes].some((n) => n instanceof Element && n.matches(".bubble-mine:not([data-seq])")));
      if (this.atFoot || mine) this.toFoot();
      else if (added) this.news(true);
    });
    this.watching.observe(view, { childList: true, subtree: true });
    // A keyboard that opens on a phone makes the view smaller: stay at the foot.
    if (typeof ResizeObserver !== "undefined") {
      this.sizing = new ResizeObserver(() => this.atFoot && this.toFoot());
      this.sizing.observe(view);
    }
  }

  protected override stopped(): void {
    this.watching?.disconnect();
    this.sizing?.disconnect();
  }

  /** Whether the newest message is in sight; <seen-marker> asks. */
  get reading(): boolean {
    return this.atFoot;
  }

  private get view(): HTMLElement | null {
    return this.querySelector<HTMLElement>("[data-log-view]");
  }

  private toFoot(smooth = false): void {
    const view = this.view;
    if (!view) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    view.scrollTo({ top: view.scrollHeight, behavior: smooth && !calm ? "smooth" : "auto" });
    this.atFoot = true;
    this.news(false);
  }

  private news(come: boolean): void {
    const button = this.querySelector<HTMLElement>("[data-log-new]");
    if (button) button.hidden = !come;
    if (!come) this.dispatchEvent(new CustomEvent("vigie:read", { bubbles: true }));
  }
}

define("chat-log", ChatLog);
export type { ChatLog };
