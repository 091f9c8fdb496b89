import { backoff, define, Live, post, sentence } from "./element";
import { place } from "./update";
import { uuid } from "./uuid";

interface Outgoing {
  id: string;
  body: string;
  failures: number;
}

const typingEvery = 3000;
const typingEnds = 5000;
const longPaste = 500;

/**
 * <chat-composer data-log data-typing data-max data-too-long data-pasted data-blanks data-blank data-enter> around a plain form
 * (message_id, body) and a <template data-bubble>. Each message gets an id here, is shown at once, and
 * is posted in its turn until the server has it: a network that is gone is tried again for ever, and a
 * message that arrives twice is one, because its id is the same. What is typed lives in the field and in
 * this queue, in memory only: nothing of a conversation is ever put in the browser's storage.
 */
class ChatComposer extends Live {
  private queue: Outgoing[] = [];
  private busy = false;
  private pause = 0;
  private typingSince = 0;
  private typingStop = 0;

  protected started(): void {
    const form = this.form;
    const field = this.field;
    if (!form || !field) return;
    this.on(form, "submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.on(field, "input", () => {
      this.fit();
      this.warn(this.tooLong() ? this.getAttribute("data-too-long") : "");
      this.typing();
    });
    this.on(field, "keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || !this.enterSends()) return;
      event.preventDefault();
      this.send();
    });
    this.on(field, "paste", (event) => {
      const pasted = event.clipboardData?.getData("text/plain") ?? "";
      // The input event that follows a paste clears the warning: say it after.
      if (pasted.length > longPaste) setTimeout(() => this.tooLong() || this.warn(this.getAttribute("data-pasted")));
    });
    this.hear(window, "online", () => this.hurry());
    this.hear(document, "vigie:back", () => this.hurry());
    // A form given back by the browser after Back may hold what was just sent.
    this.hear(window, "pagehide", () => this.queue.length === 0 && this.endTyping());
    this.fit();
  }

  protected override stopped(): void {
    clearTimeout(this.pause);
    clearTimeout(this.typingStop);
  }

  /** Puts a ready answer in the field, after what is there, to be read again before it goes. */
  insert(text: string): void {
    const field = this.field;
    if (!field) return;
    field.value = field.value.trim() ? `${field.value.trimEnd()}\n\n${text}` : text;
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    if (!this.goToBlank()) field.setSelectionRange(field.value.length, field.value.length);
  }

  /** A ready answer's {blank} that is still to be completed: chosen, so that what is typed takes its place. */
  private goToBlank(): string {
    const field = this.field;
    const names = this.getAttribute("data-blanks")?.split(" ") ?? [];
    const found = names.map((name) => `{${name}}`).map((name) => ({ name, at: field?.value.indexOf(name) ?? -1 })).filter((b) => b.at >= 0);
    const first = found.sort((a, b) => a.at - b.at)[0];
    if (!field || !first) return "";
    field.focus();
    field.setSelectionRange(first.at, first.at + first.name.length);
    return first.name;
  }

  private get form(): HTMLFormElement | null {
    return this.querySelector("form");
  }

  private get field(): HTMLTextAreaElement | null {
    return this.querySelector("textarea[name=body]");
  }

  private enterSends(): boolean {
    return this.getAttribute("data-enter") === "send" || matchMedia("(hover: hover) and (pointer: fine)").matches;
  }

  private tooLong(): boolean {
    const max = Number(this.getAttribute("data-max") ?? "2000");
    return [...(this.field?.value ?? "")].length > max;
  }

  private send(): void {
    const field = this.field;
    const form = this.form;
    if (!field || !form) return;
    const body = field.value.trim();
    if (!body) return;
    if (this.tooLong()) {
      this.warn(this.getAttribute("data-too-long"));
      return;
    }
    const blank = this.goToBlank();
    if (blank) {
      this.warn((this.getAttribute("data-blank") ?? "").replace("#", blank));
      return;
    }
    const message = { id: uuid(), body, failures: 0 };
    field.value = "";
    this.fit();
    this.warn("");
    this.endTyping();
    this.show(message);
    this.queue.push(message);
    field.focus();
    void this.drain();
  }

  private show(message: Outgoing): void {
    const list = document.getElementById(this.getAttribute("data-log") ?? "");
    const template = this.querySelector<HTMLTemplateElement>("template[data-bubble]");
    const bubble = template?.content.firstElementChild?.cloneNode(true);
    if (!list || !(bubble instanceof HTMLElement)) return;
    bubble.id = `m-${message.id}`;
    const text = bubble.querySelector("[data-bubble-text]");
    if (text) text.textContent = message.body;
    list.append(bubble);
    this.mark(message.id, "sending");
  }

  private mark(id: string, state: string): void {
    const bubble = document.getElementById(`m-${id}`);
    for (const mark of bubble?.querySelectorAll<HTMLElement>("[data-delivery]") ?? []) {
      mark.hidden = mark.getAttribute("data-delivery") !== state;
    }
  }

  /** Sends the queue in order, one at a time: the order written is the order kept. */
  private async drain(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    clearTimeout(this.pause);
    try {
      for (let message = this.queue[0]; message; message = this.queue[0]) {
        if (!(await this.deliver(message))) {
          this.pause = setTimeout(() => void this.drain(), backoff(message.failures));
          return;
        }
        this.queue.shift();
      }
    } finally {
      this.busy = false;
    }
  }

  /** True when the message needs no more sending: the server has it, or will never take it. */
  private async deliver(message: Outgoing): Promise<boolean> {
    const form = this.form;
    if (!form) return true;
    let response: Response;
    try {
      response = await post(form.action, { message_id: message.id, body: message.body });
    } catch {
      message.failures += 1;
      this.mark(message.id, "retrying");
      return false;
    }
    if (response.ok) {
      this.mark(message.id, "sent");
      const html = (response.headers.get("Content-Type") ?? "").startsWith("text/html") && !response.redirected ? await response.text() : "";
      // What came down the stream meanwhile stays: it may say already that the message was seen.
      if (html && !document.getElementById(`m-${message.id}`)?.hasAttribute("data-seq")) place(html);
      return true;
    }
    // Too fast, restarting, or a bug of ours: the message stays and is tried again.
    if (response.status === 429 || response.status >= 500) {
      message.failures += 1;
      this.mark(message.id, "retrying");
      return false;
    }
    this.mark(message.id, "refused");
    const said = await sentence(response);
    if (said) this.warn(said);
    // What cannot be taken goes back to the field, so that its words are not lost.
    const field = this.field;
    if (field && !field.value) {
      field.value = message.body;
      this.fit();
    }
    return true;
  }

  /** The line is back: what waits goes now, not when its own patience ends. */
  private hurry(): void {
    if (this.queue.length > 0) void this.drain();
  }

  private warn(words: string | null): void {
    const fault = this.querySelector("[data-composer-fault]");
    if (fault && fault.textContent !== (words ?? "")) fault.textContent = words ?? "";
  }

  private fit(): void {
    const field = this.field;
    if (!field) return;
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 4, innerHeight * 0.4)}px`;
  }

  private typing(): void {
    const url = this.getAttribute("data-typing");
    if (!url) return;
    if (!this.field?.value) {
      this.endTyping();
      return;
    }
    clearTimeout(this.typingStop);
    this.typingStop = setTimeout(() => this.endTyping(), typingEnds);
    if (Date.now() - this.typingSince < typingEvery) return;
    this.typingSince = Date.now();
    void post(url, { on: "1" }).catch(() => undefined);
  }

  private endTyping(): void {
    clearTimeout(this.typingStop);
    const url = this.getAttribute("data-typing");
    if (!url || !this.typingSince) return;
    this.typingSince = 0;
    void post(url, { on: "0" }, { keepalive: true }).catch(() => undefined);
  }
}

define("chat-composer", ChatComposer);

// Anything with data-insert and data-for (the id of a composer's form) puts its text in that composer.
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-insert]") : null;
  const composer = button && document.getElementById(button.dataset["for"] ?? "")?.closest("chat-composer");
  if (button && composer instanceof ChatComposer) composer.insert(button.dataset["insert"] ?? "");
});

