import { define, Live } from "./element";
import { installed } from "./offline";

const dismissed = "vigie.app-banner";

/** The browser's storage may be shut: then the banner comes again. */
function read(): string | null {
  try {
    return localStorage.getItem(dismissed);
  } catch {
    return null;
  }
}

/**
 * <app-banner hidden> says that the site can stand on the device; shown where it does not yet, until somebody sends it away with its
 * button. That she did is written on this device alone.
 */
class AppBanner extends Live {
  protected started(): void {
    if (installed() || !("serviceWorker" in navigator) || read()) return;
    this.hidden = false;
    const away = this.querySelector<HTMLElement>("[data-away]");
    if (!away) return;
    this.on(away, "click", () => {
      this.hidden = true;
      try {
        localStorage.setItem(dismissed, "away");
      } catch {
        // It comes again.
      }
      document.querySelector<HTMLElement>("main")?.focus();
    });
  }
}

define("app-banner", AppBanner);
