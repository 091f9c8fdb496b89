import { define, Live } from "./element";

const most = 5;

/**
 * <alert-list> around [data-ring] alerts, the newest first: each stays, and rings, until its
 * [data-alert-seen] is pressed. Of more than five the oldest goes, one that is not about danger first.
 */
class AlertList extends Live {
  private watching: MutationObserver | undefined;

  protected started(): void {
    this.on(this, "click", (event) => {
      const seen = event.target instanceof Element ? event.target.closest("[data-alert-seen]") : null;
      const alert = seen && [...this.children].find((child) => child.contains(seen));
      if (!alert) return;
      const next = alert.nextElementSibling ?? alert.previousElementSibling;
      alert.remove();
      next?.querySelector<HTMLElement>("[data-alert-seen]")?.focus();
    });
    this.watching = new MutationObserver(() => this.trim());
    this.watching.observe(this, { childList: true });
  }

  protected override stopped(): void {
    this.watching?.disconnect();
  }

  private trim(): void {
    while (this.children.length > most) {
      const oldest = [...this.children].reverse();
      (oldest.find((alert) => !alert.querySelector(".notice-danger")) ?? oldest[0])?.remove();
    }
  }
}

define("alert-list", AlertList);
