import { backoff, define, Live, post } from "./element";
import { place } from "./update";

/**
 * <uncovered-picture data-action data-look data-covered> around a picture that was asked for and the button that covers it: it
 * covers itself when the page is hidden or left, or after five minutes, and says how many seconds it was seen. Without the
 * network it is covered all the same, and the count is sent when the network is back.
 */
class UncoveredPicture extends Live {
  private since = 0;
  private seen = -1;
  private longest = 0;

  protected started(): void {
    this.since = performance.now();
    this.longest = setTimeout(() => this.cover(), 300_000);
    const button = this.querySelector("button");
    if (button) {
      this.hear(button, "click", () => this.cover());
      button.focus();
    }
    this.on(document, "keydown", (event) => event.key === "Escape" && this.cover());
    this.on(document, "visibilitychange", () => document.visibilityState === "hidden" && this.cover());
    this.hear(window, "pagehide", () => this.cover());
  }

  protected override stopped(): void {
    clearTimeout(this.longest);
    this.cover();
  }

  private cover(): void {
    if (this.seen >= 0) return;
    this.seen = Math.ceil((performance.now() - this.since) / 1000);
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.textContent = this.getAttribute("data-covered");
    this.replaceChildren(said);
    void this.report(0);
  }

  private async report(failures: number): Promise<void> {
    const fields = { look: this.getAttribute("data-look") ?? "", seconds: String(this.seen) };
    try {
      const response = await post(this.getAttribute("data-action") ?? "", fields, { keepalive: true });
      if (response.ok) {
        // Who has gone to another piece of the page meanwhile has her own picture of it.
        if (this.isConnected) place(await response.text());
        return;
      }
      if (response.status < 500) return;
    } catch {
      // The network is gone: it is sent when it is back.
    }
    setTimeout(() => void this.report(failures + 1), backoff(failures + 1));
  }
}

define("uncovered-picture", UncoveredPicture);
