import { define, Live, sentence } from "./element";
import { place } from "./update";
import { upload } from "./upload";

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
    const failed = this.getAttribute("data-failed") ?? "";
    const over = (words: string): void => {
      if (button) button.disabled = false;
      this.say(words);
    };
    if (button) button.disabled = true;
    const sending = upload(form.action, new FormData(form), (percent) => this.say((this.getAttribute("data-sending") ?? "").replace("{n}", String(percent))));
    void sending.then(
      async (answer) => {
        if (answer.ok) place(await answer.text());
        else over((await sentence(answer)) || failed);
      },
      () => over(failed),
    );
  }

  private say(words: string): void {
    const status = this.querySelector("[data-file-status]");
    if (status && status.textContent !== words) status.textContent = words;
  }
}

define("file-sender", FileSender);
