import { define, Live } from "./element";
import { register, tell } from "./offline";

/**
 * <app-shelf data-keeping data-kept data-failed data-forgotten> around [data-keep], [data-forget] and [data-shelf-status]: keeps the
 * guides on this device for when there is no network, and takes them away again.
 */
class AppShelf extends Live {
  protected started(): void {
    if (!("serviceWorker" in navigator)) return;
    this.hidden = false;
    this.press("[data-keep]", () => this.keep());
    this.press("[data-forget]", () => this.forget());
    void tell({ vigie: "shelf" }).then((what) => what === "full" && this.show("kept", true));
  }

  private press(which: string, act: () => Promise<void>): void {
    const button = this.querySelector<HTMLButtonElement>(which);
    if (!button) return;
    this.on(button, "click", () => {
      if (button.getAttribute("aria-disabled") === "true") return;
      button.setAttribute("aria-disabled", "true");
      void act().finally(() => button.removeAttribute("aria-disabled"));
    });
  }

  private async keep(): Promise<void> {
    this.show("keeping");
    const done = (await register()) && (await tell({ vigie: "keep" })) === "kept";
    this.show(done ? "kept" : "failed", done);
  }

  private async forget(): Promise<void> {
    await tell({ vigie: "forget" });
    this.show("forgotten", false);
  }

  private show(what: string, full?: boolean): void {
    const status = this.querySelector("[data-shelf-status]");
    if (status) status.textContent = this.getAttribute(`data-${what}`);
    if (full === undefined) return;
    const keep = this.querySelector<HTMLElement>("[data-keep]");
    const forget = this.querySelector<HTMLElement>("[data-forget]");
    const focused = this.contains(document.activeElement);
    if (keep) keep.hidden = full;
    if (forget) forget.hidden = !full;
    if (focused) (full ? forget : keep)?.focus();
  }
}

define("app-shelf", AppShelf);
