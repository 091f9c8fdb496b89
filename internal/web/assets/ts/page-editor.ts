import { define, Live } from "./element";
import { place } from "./update";

/** How long the writer rests before the page is kept, and drawn as it will look. */
const restMs = 1500;

/**
 * <page-editor data-lost> around the form of a page and #page-preview: keeps what is written as a draft, and draws what it will look like. A page that is new is
 * kept by its button first. While a newer one is being written, an older answer changes the number of the version only.
 */
class PageEditor extends Live {
  private rest = 0;
  private busy = false;
  private again = false;

  protected started(): void {
    const form = this.querySelector("form");
    const preview = this.querySelector("#page-preview");
    if (!form || !preview) return;
    this.on(form, "input", () => {
      window.clearTimeout(this.rest);
      this.rest = window.setTimeout(() => void this.keep(form), restMs);
    });
    this.on(form, "submit", () => window.clearTimeout(this.rest));
  }

  protected override stopped(): void {
    window.clearTimeout(this.rest);
  }

  private async keep(form: HTMLFormElement): Promise<void> {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    try {
      const fields = new URLSearchParams(new FormData(form) as unknown as Record<string, string>);
      fields.set("do", "keep");
      const answer = await fetch(form.action, { method: "POST", body: fields, headers: { "Vigie-Script": "1" }, signal: this.leaving });
      const text = await answer.text();
      if (!answer.ok) throw new Error(text);
      place(text);
    } catch {
      if (this.leaving.aborted) return;
      const lost = this.querySelector("#page-preview h2");
      if (lost) lost.textContent = this.getAttribute("data-lost");
      this.again = true;
      window.setTimeout(() => void this.keep(form), 4 * restMs);
    } finally {
      this.busy = false;
      if (this.again) {
        this.again = false;
        this.rest = window.setTimeout(() => void this.keep(form), restMs);
      }
    }
  }
}

define("page-editor", PageEditor);
