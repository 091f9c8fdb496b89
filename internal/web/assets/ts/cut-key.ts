import { define, Live } from "./element";

/** <cut-key> around the form that covers a guest's screen: one key, Escape, wherever the focus is. */
class CutKey extends Live {
  protected started(): void {
    this.on(document, "keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      // At once, before the server has answered: what is on this page goes.
      document.querySelector("#guest-stage")?.setAttribute("data-covered", "");
      this.querySelector("form")?.requestSubmit();
    });
  }
}

define("cut-key", CutKey);
