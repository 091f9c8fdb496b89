import { define, Live } from "./element";
import { place } from "./update";

/**
 * <figures-count src data-lost> asks for figures that take some seconds, and shows what comes: how far they are, then the figures (update
 * events, update.ts) until "done". A line that breaks is not taken up again by itself, because the counting would begin anew: it is
 * said in words, once.
 */
class FiguresCount extends Live {
  protected started(): void {
    const source = new EventSource(this.getAttribute("src") ?? "");
    this.leaving.addEventListener("abort", () => source.close());
    source.addEventListener("update", (event: MessageEvent<string>) => place(event.data));
    source.addEventListener("done", () => source.close());
    source.onerror = () => {
      source.close();
      const said = document.createElement("p");
      said.setAttribute("role", "alert");
      said.textContent = this.getAttribute("data-lost");
      this.replaceChildren(said);
    };
  }
}

define("figures-count", FiguresCount);
