import { define, Live } from "./element";

const within = 5000;
const times = 3;

/**
 * <quick-exit data-left="…{n}…"> around <a data-exit href="/quit">: one tap, or Shift alone three times in
 * five seconds, covers the page in the same frame and replaces it by the first hop, so that Back does
 * not lead here. Three dots and a sentence count the presses.
 */
class QuickExit extends Live {
  private presses: number[] = [];
  private alone = false;
  private forgetting = 0;

  protected started(): void {
    const link = this.querySelector<HTMLAnchorElement>("[data-exit]");
    if (!link) return;
    this.on(link, "click", (event) => {
      event.preventDefault();
      this.leave(link.href);
    });
    // Shift counts only when nothing else was pressed with it: capitals are not an exit.
    this.on(document, "keydown", (event) => {
      if (!event.repeat) this.alone = event.key === "Shift";
    });
    this.on(document, "pointerdown", () => (this.alone = false));
    this.on(document, "keyup", (event) => {
      if (event.key !== "Shift" || !this.alone) return;
      this.alone = false;
      this.press(link.href);
    });
    // Back after leaving may show the old page from memory: cover it and go again.
    this.hear(window, "pageshow", (event) => {
      if ((event as PageTransitionEvent).persisted && document.documentElement.classList.contains("leaving")) this.leave(link.href);
    });
  }

  protected override stopped(): void {
    clearTimeout(this.forgetting);
  }

  private press(href: string): void {
    const now = Date.now();
    this.presses = [...this.presses.filter((t) => now - t < within), now];
    if (this.presses.length >= times) {
      this.leave(href);
      return;
    }
    this.show();
    clearTimeout(this.forgetting);
    this.forgetting = setTimeout(() => {
      this.presses = [];
      this.show();
    }, within);
  }

  private show(): void {
    const count = this.presses.length;
    const dots = this.querySelector<HTMLElement>(".quick-exit-dots");
    if (dots) {
      dots.hidden = count === 0;
      [...dots.children].forEach((dot, i) => dot.classList.toggle("on", i < count));
    }
    const status = this.querySelector("[data-exit-status]");
    const words = this.getAttribute(count === times - 1 ? "data-left-one" : "data-left") ?? "";
    if (status) status.textContent = count === 0 ? "" : words.replace("#", String(times - count));
  }

  private leave(href: string): void {
    const root = document.documentElement;
    root.classList.add("leaving");
    // An open vault drops its keys before anything else.
    document.dispatchEvent(new Event("vigie:leaving"));
    document.title = "\u00a0";
    if (!document.querySelector(".quick-exit-cover")) {
      const cover = document.createElement("div");
      cover.className = "quick-exit-cover";
      document.body.append(cover);
    }
    // The sound and the streams of the page end with it; the first hop ends the session.
    location.replace(href);
  }
}

define("quick-exit", QuickExit);
