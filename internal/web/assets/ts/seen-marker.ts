import { define, Live, post } from "./element";

/**
 * <seen-marker data-action data-log data-me> posts how far this side has received, and how far it has
 * seen: seen only while the page is in sight and the reader is at the foot of the log. Marks are gathered
 * for a moment and sent once; only growing numbers are sent. The card named by data-card stops saying that
 * there is something new.
 */
class SeenMarker extends Live {
  private delivered = 0;
  private seen = 0;
  private gathering = 0;

  protected started(): void {
    this.hear(document, "vigie:update", () => this.soon());
    this.hear(document, "vigie:read", () => this.soon());
    this.on(document, "visibilitychange", () => this.soon());
    this.hear(window, "focus", () => this.soon());
    this.soon();
  }

  protected override stopped(): void {
    clearTimeout(this.gathering);
  }

  private soon(): void {
    clearTimeout(this.gathering);
    this.gathering = setTimeout(() => void this.report(), 400);
  }

  private async report(): Promise<void> {
    const action = this.getAttribute("data-action");
    const list = document.getElementById(this.getAttribute("data-log") ?? "");
    if (!action || !list) return;
    const me = this.getAttribute("data-me");
    let newest = 0;
    for (const bubble of list.querySelectorAll("[data-seq][data-from]")) {
      if (bubble.getAttribute("data-from") !== me) newest = Math.max(newest, Number(bubble.getAttribute("data-seq")));
    }
    const log = list.closest("chat-log");
    const atFoot = !log || (log as HTMLElement & { reading?: boolean }).reading !== false;
    const inSight = document.visibilityState === "visible" && document.hasFocus() && list.offsetParent !== null;
    const seen = atFoot && inSight ? newest : this.seen;
    if (newest <= this.delivered && seen <= this.seen) return;
    const before = [this.delivered, this.seen] as const;
    [this.delivered, this.seen] = [Math.max(newest, this.delivered), Math.max(seen, this.seen)];
    try {
      const response = await post(action, { delivered: String(this.delivered), seen: String(this.seen) });
      if (!response.ok && response.status >= 500) throw new Error("again");
      if (this.seen >= newest) document.getElementById(this.getAttribute("data-card") ?? "")?.querySelector(".contact-unread")?.remove();
    } catch {
      [this.delivered, this.seen] = before;
      clearTimeout(this.gathering);
      this.gathering = setTimeout(() => void this.report(), 5000);
    }
  }
}

define("seen-marker", SeenMarker);
