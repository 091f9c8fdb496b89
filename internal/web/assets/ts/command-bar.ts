import { define, Live } from "./element";
import { matches } from "./filter";
import { visit } from "./visit";

/**
 * <command-bar> around a <dialog> with a combobox: Ctrl K (or [data-command-open]) opens it, a few letters
 * find an action, Enter goes there (data-href), presses what it names (data-click, a selector) or puts the
 * focus on it (data-focus, a selector), wherever it is folded away.
 */
class CommandBar extends Live {
  private came: Element | null = null;

  protected started(): void {
    const dialog = this.querySelector("dialog");
    const input = this.querySelector<HTMLInputElement>("input");
    if (!dialog || !input) return;
    for (const button of document.querySelectorAll<HTMLElement>("[data-command-open]")) button.hidden = false;
    this.hear(document, "vigie:update", () => {
      for (const button of document.querySelectorAll<HTMLElement>("[data-command-open]")) button.hidden = false;
    });
    this.on(document, "click", (event) => {
      if (event.target instanceof Element && event.target.closest("[data-command-open]")) this.open();
    });
    this.on(document, "keydown", (event) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      event.preventDefault();
      if (dialog.open) dialog.close();
      else this.open();
    });
    this.on(input, "input", () => this.filter());
    this.on(input, "keydown", (event) => this.key(event));
    this.on(dialog, "click", (event) => {
      const item = event.target instanceof Element ? event.target.closest<HTMLElement>("[role=option]") : null;
      if (item) this.run(item);
      else if (event.target === dialog) dialog.close();
    });
    this.hear(dialog, "close", () => this.came instanceof HTMLElement && this.came.focus());
  }

  private get items(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>("[role=option]")].filter((i) => !i.hidden);
  }

  private open(): void {
    const input = this.querySelector<HTMLInputElement>("input");
    if (!input) return;
    this.came = document.activeElement;
    input.value = "";
    this.filter();
    this.querySelector("dialog")?.showModal();
    input.focus();
  }

  private filter(): void {
    const asked = this.querySelector<HTMLInputElement>("input")?.value ?? "";
    for (const item of this.querySelectorAll<HTMLElement>("[role=option]")) {
      const { click, focus } = item.dataset;
      const target = click || focus;
      // An action whose button is not on the page now cannot be done now.
      item.hidden = !matches(item.dataset["words"] ?? "", asked) || (!!target && !document.querySelector(target));
    }
    const none = this.querySelector<HTMLElement>("[data-none]");
    if (none) none.hidden = this.items.length > 0;
    this.choose(this.items[0]);
  }

  private choose(item: HTMLElement | undefined): void {
    for (const other of this.querySelectorAll("[role=option]")) other.setAttribute("aria-selected", String(other === item));
    const input = this.querySelector("input");
    if (item) input?.setAttribute("aria-activedescendant", item.id);
    else input?.removeAttribute("aria-activedescendant");
    item?.scrollIntoView({ block: "nearest" });
  }

  private key(event: KeyboardEvent): void {
    const items = this.items;
    const at = items.findIndex((i) => i.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.choose(items[(at + step + items.length) % Math.max(1, items.length)]);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const item = items[at];
      if (item) this.run(item);
    }
  }

  private run(item: HTMLElement): void {
    this.came = null;
    this.querySelector("dialog")?.close();
    const { href, click, focus } = item.dataset;
    if (click) document.querySelector<HTMLElement>(click)?.click();
    // Once the click is over: a menu is closed by a click elsewhere, and this was one.
    else if (focus) setTimeout(() => reach(document.querySelector<HTMLElement>(focus)));
    else if (href) visit(href);
  }
}

function reach(target: HTMLElement | null): void {
  for (let fold = target?.closest("details"); fold; fold = fold.parentElement?.closest("details")) fold.open = true;
  target?.focus();
}

define("command-bar", CommandBar);
