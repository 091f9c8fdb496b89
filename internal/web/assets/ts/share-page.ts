import { define, Live } from "./element";

/** <share-page data-title data-done>: the device's own way to send a page on, and a copy of its address, where the browser has them. The links beside work without. */
class SharePage extends Live {
  protected started(): void {
    const device = this.querySelector<HTMLButtonElement>("[data-share]");
    const copy = this.querySelector<HTMLButtonElement>("[data-copy]");
    const title = this.getAttribute("data-title") ?? "";
    const url = location.origin + location.pathname;
    if (device && "share" in navigator) {
      device.hidden = false;
      // Who closes the sheet without choosing has not failed.
      this.on(device, "click", () => void navigator.share({ title, url }).catch(() => undefined));
    }
    if (copy && navigator.clipboard) {
      copy.hidden = false;
      this.on(copy, "click", () => {
        // A browser that does not let a page copy shows the address, to be copied by hand.
        navigator.clipboard.writeText(url).then(
          () => this.say(copy, this.getAttribute("data-done") ?? ""),
          () => this.say(copy, url),
        );
      });
    }
  }

  private say(copy: HTMLButtonElement, words: string): void {
    const status = this.querySelector("[data-status]");
    if (status) status.textContent = words;
    const label = copy.querySelector("span");
    if (label) label.textContent = words;
  }
}

define("share-page", SharePage);
