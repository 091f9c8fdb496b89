import { define, Live } from "./element";
import { matches } from "./filter";

/** <filter-list> around a [data-filter] field and items with data-words: shows the items that match. [data-scripted] is for who has scripts. */
class FilterList extends Live {
  protected started(): void {
    const field = this.querySelector<HTMLInputElement>("[data-filter]");
    if (!field) return;
    for (const hidden of this.querySelectorAll<HTMLElement>("[data-scripted]")) hidden.hidden = false;
    this.on(field, "input", () => {
      let found = 0;
      for (const item of this.querySelectorAll<HTMLElement>("[data-words]")) {
        item.hidden = !matches(item.dataset["words"] ?? "", field.value);
        if (!item.hidden) found += 1;
      }
      const none = this.querySelector<HTMLElement>("[data-none]");
      if (none) none.hidden = found > 0;
    });
    // Down and Enter go to the answers without leaving the keyboard.
    this.on(field, "keydown", (event) => {
      if (event.key !== "ArrowDown" && event.key !== "Enter") return;
      event.preventDefault();
      const first = this.querySelector<HTMLButtonElement>("[data-words]:not([hidden]) button");
      // What would be sent is pressed by hand.
      if (event.key === "Enter" && first?.type === "button") first.click();
      else first?.focus();
    });
  }
}

define("filter-list", FilterList);
