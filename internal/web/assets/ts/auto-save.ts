import { backoff, define, Live, post, sentence } from "./element";
import { place } from "./update";

interface Change {
  value: string;
  rev: number;
}

const settle = 600;

/**
 * <auto-save data-action data-saving data-saved data-offline data-refused> around a form: each field that
 * changes is posted alone (field, value, rev) a moment after the last keystroke, and again for as long as
 * the network is gone; of one field only the newest value is sent, and rev grows, so that an old post
 * that arrives late changes nothing. Several boxes of one name are one value, joined by commas.
 */
class AutoSave extends Live {
  private waiting = new Map<string, Change>();
  private kept = new Map<string, string>();
  private timers = new Map<string, number>();
  private busy = false;
  private failures = 0;
  private pause = 0;
  private rev = Date.now();

  protected started(): void {
    const form = this.querySelector("form");
    if (!form) return;
    this.on(form, "submit", (event) => {
      event.preventDefault();
      void this.drain();
    });
    this.on(form, "input", (event) => this.note(event.target, settle));
    this.on(form, "change", (event) => this.note(event.target, 0));
    this.hear(window, "online", () => void this.drain());
    this.hear(document, "vigie:back", () => void this.drain());
    // Leaving with words that the server has not got yet asks first.
    this.hear(window, "beforeunload", (event) => this.waiting.size > 0 && event.preventDefault());
    this.on(document, "visibilitychange", () => document.visibilityState === "hidden" && void this.drain());
  }

  protected override stopped(): void {
    clearTimeout(this.pause);
    for (const timer of this.timers.values()) clearTimeout(timer);
    // The form is leaving the page (another conversation is opened): what is in it still goes.
    if (this.waiting.size > 0) void this.drain();
  }

  private note(target: EventTarget | null, delay: number): void {
    if (!(target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)) return;
    const name = target.name;
    if (!name || target.closest("auto-save") !== this) return;
    const value = this.answerOf(target);
    const newest = this.waiting.get(name)?.value ?? this.kept.get(name);
    // Leaving a field says "change" again for what was already heard key by key.
    if (value !== newest) {
      this.waiting.set(name, { value, rev: (this.rev += 1) });
      target.closest("[data-ask]")?.setAttribute("data-keep", ""); // what is not saved yet is not drawn over
    }
    else if (!this.waiting.has(name)) return;
    clearTimeout(this.timers.get(name));
    this.timers.set(name, setTimeout(() => void this.drain(), delay));
  }

  private answerOf(field: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement): string {
    if (!(field instanceof HTMLInputElement) || (field.type !== "checkbox" && field.type !== "radio")) return field.value;
    const boxes = [...(field.form?.elements ?? [])].filter((e): e is HTMLInputElement => e instanceof HTMLInputElement && e.name === field.name);
    return boxes.filter((b) => b.checked).map((b) => b.value).join(",");
  }

  private async drain(): Promise<void> {
    const action = this.getAttribute("data-action");
    if (this.busy || !action) return;
    this.busy = true;
    clearTimeout(this.pause);
    try {
      while (this.waiting.size > 0) {
        const [field, change] = this.waiting.entries().next().value!;
        this.tell("saving");
        let response: Response;
        try {
          response = await post(action, { field, value: change.value, rev: String(change.rev) }, { keepalive: true });
          if (response.status === 429 || response.status >= 500) throw new Error("again");
        } catch {
          this.failures += 1;
          this.tell("offline");
          this.pause = setTimeout(() => void this.drain(), backoff(this.failures));
          return;
        }
        this.failures = 0;
        if (response.ok) this.kept.set(field, change.value);
        // A newer value may have been typed while this one was on its way.
        if (this.waiting.get(field)?.rev === change.rev) {
          this.waiting.delete(field);
          if (response.ok) this.querySelector(`[data-ask="${CSS.escape(field)}"]`)?.removeAttribute("data-keep");
        }
        if (!response.ok) {
          this.tell("refused", await sentence(response));
          continue;
        }
        if ((response.headers.get("Content-Type") ?? "").startsWith("text/html") && !response.redirected) place(await response.text());
        if (this.waiting.size === 0) this.tell("saved");
      }
    } finally {
      this.busy = false;
    }
  }

  private tell(state: "saving" | "saved" | "offline" | "refused", words = ""): void {
    this.setAttribute("data-state", state);
    const status = this.querySelector("[data-save-status]");
    if (!status) return;
    const hour = new Intl.DateTimeFormat(document.documentElement.lang || "fr", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "Europe/Paris" }).format(new Date());
    status.textContent = words || (this.getAttribute(`data-${state}`) ?? "").replace("#", hour);
  }
}

define("auto-save", AutoSave);
