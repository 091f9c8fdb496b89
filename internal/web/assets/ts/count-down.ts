import { define, Live } from "./element";

/**
 * <count-down data-seconds data-words="il reste # s" data-over> around [data-count] and a <progress>: counts
 * from the seconds the server gave, on this page's own clock, so that a wrong clock does no harm. data-over,
 * where there is one, is what is said at the end.
 */
class CountDown extends Live {
  private timer = 0;

  protected started(): void {
    const end = performance.now() + Number(this.getAttribute("data-seconds") ?? "0") * 1000;
    const tick = (): void => {
      const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
      const words = this.querySelector("[data-count]");
      const over = left === 0 ? this.getAttribute("data-over") : null;
      const said = over ?? (this.getAttribute("data-words") ?? "#").replace("#", String(left));
      if (words && words.textContent !== said) words.textContent = said;
      const bar = this.querySelector("progress");
      if (bar) bar.value = left;
      if (left === 0) clearInterval(this.timer);
    };
    this.timer = setInterval(tick, 250);
    tick();
  }

  protected override stopped(): void {
    clearInterval(this.timer);
  }
}

define("count-down", CountDown);
