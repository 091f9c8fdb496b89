import { define, Live } from "./element";

/** <copy-text data-text data-done> around a button and [data-copy-status]; hidden where copying is not possible. */
class CopyText extends Live {
  protected started(): void {
    const button = this.querySelector("button");
    if (!button || !navigator.clipboard) return;
    this.hidden = false;
    this.on(button, "click", () => {
      void navigator.clipboard.writeText(this.getAttribute("data-text") ?? "").then(() => {
        const status = this.querySelector("[data-copy-status]");
        if (status) status.textContent = this.getAttribute("data-done");
      });
    });
  }
}

define("copy-text", CopyText);
