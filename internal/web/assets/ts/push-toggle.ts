import { define, Live, post, sentence } from "./element";
import { register, tell } from "./offline";

/** The key of the helpline as a browser takes it: base64url of a point of P-256. */
function bytesOf(key: string): Uint8Array<ArrayBuffer> {
  const text = atob(key.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(text, (sign) => sign.charCodeAt(0));
}

/** Whether this conversation is told of to this browser; undefined until the page said so, or she pressed. */
let asked: boolean | undefined;

/**
 * <push-toggle data-key data-ask data-end data-on data-off data-failed data-denied data-waits> around [data-push-on], [data-push-off] and
 * [data-push-status]: has this browser told when somebody answers, and takes it back. It asks for nothing before it is pressed.
 */
class PushToggle extends Live {
  protected started(): void {
    if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window) || !isSecureContext) return;
    this.hidden = false;
    this.press("[data-push-on]", () => this.ask());
    this.press("[data-push-off]", () => this.end());
    void this.look();
  }

  /** What this browser asked for already, in this conversation. */
  private async look(): Promise<void> {
    // A page that is drawn anew by its stream does not say it again. What the browser has may be of an earlier conversation.
    asked ??= this.hasAttribute("data-waits");
    if (!asked || Notification.permission !== "granted") return;
    const there = await (await navigator.serviceWorker.getRegistration())?.pushManager.getSubscription();
    if (there && this.isConnected) this.show("on");
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

  private async ask(): Promise<void> {
    if ((await Notification.requestPermission()) !== "granted") {
      this.say(this.getAttribute("data-denied"));
      return;
    }
    try {
      if (!(await register())) throw new Error("no worker");
      void tell({ vigie: "here" });
      const registration = await navigator.serviceWorker.ready;
      const key = bytesOf(this.getAttribute("data-key") ?? "");
      const options = { userVisibleOnly: true, applicationServerKey: key };
      // One that was made for another key is of no use.
      const made = await registration.pushManager.subscribe(options).catch(async () => {
        await (await registration.pushManager.getSubscription())?.unsubscribe();
        return registration.pushManager.subscribe(options);
      });
      const response = await post(this.getAttribute("data-ask") ?? "", { endpoint: made.endpoint });
      if (response.ok) this.show("on");
      else this.say((await sentence(response)) || this.getAttribute("data-failed"));
    } catch {
      this.say(this.getAttribute("data-failed"));
    }
  }

  private async end(): Promise<void> {
    try {
      const made = await (await navigator.serviceWorker.getRegistration())?.pushManager.getSubscription();
      const response = await post(this.getAttribute("data-end") ?? "", { endpoint: made?.endpoint ?? "" });
      if (!response.ok) throw new Error("not taken back");
      await made?.unsubscribe();
      this.show("off");
    } catch {
      this.say(this.getAttribute("data-failed"));
    }
  }

  private show(what: "on" | "off"): void {
    asked = what === "on";
    const on = this.querySelector<HTMLElement>("[data-push-on]");
    const off = this.querySelector<HTMLElement>("[data-push-off]");
    const focused = this.contains(document.activeElement);
    if (on) on.hidden = what === "on";
    if (off) off.hidden = what !== "on";
    if (focused) (what === "on" ? off : on)?.focus();
    this.say(this.getAttribute(`data-${what}`));
  }

  private say(words: string | null): void {
    const status = this.querySelector("[data-push-status]");
    if (status) status.textContent = words;
  }
}

define("push-toggle", PushToggle);
