import { define, Live } from "./element";
import { place } from "./update";

/** How long the fingers rest before what is typed is looked for. */
const restMs = 250;

/**
 * <guide-search> around a form and [data-found]: finds while one types. It is posted, so that what is looked for stands in no address and no history;
 * an answer that comes after a newer one is thrown away.
 */
class GuideSearch extends Live {
  private asked = 0;

  protected started(): void {
    const form = this.querySelector("form");
    const field = this.querySelector<HTMLInputElement>("input[name=q]");
    if (!form || !field) return;
    let rest = 0;
    this.on(field, "input", () => {
      window.clearTimeout(rest);
      rest = window.setTimeout(() => void this.find(form), restMs);
    });
    this.on(form, "submit", (event) => {
      event.preventDefault();
      window.clearTimeout(rest);
      void this.find(form);
    });
  }

  private async find(form: HTMLFormElement): Promise<void> {
    const mine = ++this.asked;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form) as unknown as Record<string, string>), headers: { "Vigie-Script": "1" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const html = await answer.text();
      if (mine === this.asked) place(html);
    } catch {
      if (mine === this.asked) form.submit(); // without a network the browser says so itself, and what was typed stays
    }
  }
}

define("guide-search", GuideSearch);
