import { define, Live } from "./element";
import { installed } from "./offline";

/** What Chromium says when a page can be installed. */
interface InstallPrompt extends Event {
  prompt(): Promise<{ outcome: "accepted" | "dismissed" }>;
}

let offered: InstallPrompt | undefined;
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault(); // asked by the button, when she has read what it means
  offered = event as InstallPrompt;
  document.dispatchEvent(new CustomEvent("vigie:installable"));
});

/** <app-install data-done> around a button and [data-install-status]; hidden where the browser has no such question. */
class AppInstall extends Live {
  protected started(): void {
    const button = this.querySelector("button");
    if (!button) return;
    const show = (): void => {
      this.hidden = !offered && !installed();
      if (installed()) this.say();
    };
    show();
    this.hear(document, "vigie:installable", show);
    this.hear(window, "appinstalled", () => this.say());
    this.on(button, "click", () => void this.ask());
  }

  private async ask(): Promise<void> {
    const prompt = offered;
    if (!prompt) return;
    offered = undefined; // a browser asks once
    const { outcome } = await prompt.prompt();
    if (outcome === "accepted") this.say();
    else this.hidden = true; // the steps stand below
  }

  private say(): void {
    const button = this.querySelector("button");
    const status = this.querySelector("[data-install-status]");
    this.hidden = false;
    if (button) button.hidden = true;
    if (status) status.textContent = this.getAttribute("data-done");
  }
}

define("app-install", AppInstall);
