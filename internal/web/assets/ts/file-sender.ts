import { define, Live, sentence } from "./element";
import { place } from "./update";

/**
 * <file-sender data-sending="{n}" data-failed data-large data-max> around the form of one file: says how
 * far it is and, when the network goes, keeps the chosen file to be sent again. Nothing is shown of it.
 */
class FileSender extends Live {
  protected started(): void {
    this.on(this, "submit", (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement)) return;
      event.preventDefault();
      this.send(form);
    });
  }

  private send(form: HTMLFormElement): void {
    const file = form.querySelector<HTMLInputElement>("input[type=file]")?.files?.[0];
    const button = form.querySelector<HTMLButtonElement>("button");
    if (!file) return;
    if (file.size > Number(this.getAttribute("data-max"))) {
      this.say(this.getAttribute("data-large") ?? "");
      return;
    }
    // fetch does not tell how far an upload is; this does.
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Vigie-Script", "1");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) this.say((this.getAttribute("data-sending") ?? "").replace("{n}", String(Math.floor((100 * event.loaded) / event.total))));
    });
    const over = (words: string): void => {
      if (button) button.disabled = false;
      this.say(words);
    };
    request.addEventListener("error", () => over(this.getAttribute("data-failed") ?? ""));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) {
        place(request.responseText);
        return;
      }
      void sentence(new Response(request.responseText, { headers: { "Content-Type": request.getResponseHeader("Content-Type") ?? "" } })).then((words) =>
        over(words || (this.getAttribute("data-failed") ?? "")),
      );
    });
    if (button) button.disabled = true;
    request.send(new FormData(form));
  }

  private say(words: string): void {
    const status = this.querySelector("[data-file-status]");
    if (status && status.textContent !== words) status.textContent = words;
  }
}

define("file-sender", FileSender);
