import { define, Live } from "./element";
import { before, codes, next, outcome, place, type Question, type Quiz } from "./quiz-engine";
import { uuid } from "./uuid";

/**
 * <quiz-walk> around a quiz: puts one question a screen, in the place of the text that is there to read without JavaScript. The
 * quiz is in script#quiz-data; what is shown is copied from the templates beside it. Her answers are in this object alone and go
 * when the page does; the one way out is the form at the end, if she ticks that she wants them told.
 */
class QuizWalk extends Live {
  private quiz: Quiz | undefined;
  private given = new Map<string, string>();
  /** The question that is shown; undefined before the first and at the end. */
  private at: Question | undefined;
  private stage: HTMLElement | undefined;

  protected started(): void {
    const data = this.querySelector("script#quiz-data")?.textContent;
    const begin = this.find("[data-go]");
    if (!data || !begin) return;
    this.quiz = JSON.parse(data) as Quiz;
    begin.hidden = false;
    this.toggleAttribute("data-ready", true);
    this.find("[data-paper]")?.remove();
    this.on(this, "click", (event) => this.press(event));
    this.on(this, "submit", (event) => this.tell(event));
    // The page may come back as it was left, from the browser's memory.
    this.hear(window, "pagehide", () => this.forget());
  }

  protected override stopped(): void {
    this.forget();
  }

  private press(event: Event): void {
    const pressed = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-do]") : null;
    if (!pressed || !this.quiz) return;
    switch (pressed.dataset["do"]) {
      case "begin":
        this.ask(next(this.quiz, this.given));
        break;
      case "answer":
        this.answer(pressed.dataset["code"] ?? "");
        break;
      case "pass":
        this.answer("");
        break;
      case "on":
        this.goOn();
        break;
      case "back":
        this.back();
        break;
      case "ask-again":
        this.ask(this.at);
        break;
      case "over":
        this.forget();
        this.focusOn(this.find("[data-do=begin]"));
        break;
    }
  }

  private answer(code: string): void {
    if (!this.at) return;
    this.given.set(this.at.code, code);
    const danger = this.at.answers.find((a) => a.code === code)?.danger;
    if (danger) this.warn(danger);
    else this.goOn();
  }

  /** Goes on after the question that is shown. */
  private goOn(): void {
    if (!this.quiz) return;
    const following = next(this.quiz, this.given, this.at?.code);
    if (following) this.ask(following);
    else this.end();
  }

  private back(): void {
    if (!this.quiz) return;
    const last = before(this.quiz, this.given, this.at?.code);
    if (last) {
      this.ask(last);
      return;
    }
    // Before the first question: what she said stays while she reads how it works again.
    this.at = undefined;
    this.show(undefined);
    this.focusOn(this.find("[data-do=begin]"));
  }

  private ask(question: Question | undefined): void {
    if (!question || !this.quiz) return;
    this.at = question;
    const step = this.copy("question");
    const { number, left } = place(this.quiz, this.given, question.code);
    const after = left === 0 ? this.word("last") : this.word("left").replace("#", String(left));
    fill(step, "count", `${this.word("step").replace("#", String(number))} ${after}`);
    fill(step, "head", question.text);
    const hint = step.querySelector("[data-hint]");
    if (hint && question.hint) {
      hint.textContent = question.hint;
      step.querySelector("[data-head]")?.setAttribute("aria-describedby", "quiz-count quiz-hint");
    } else {
      hint?.remove();
    }
    for (const answer of question.answers) {
      const line = this.copy("answer");
      const button = line.querySelector<HTMLElement>("button");
      if (!button) continue;
      fill(line, "text", answer.text);
      button.dataset["code"] = answer.code;
      if (this.given.has(question.code)) button.setAttribute("aria-pressed", String(this.given.get(question.code) === answer.code));
      step.querySelector("[data-answers]")?.append(line);
    }
    this.show(step);
  }

  /** One answer that outweighs the others: who answers now comes before anything else. */
  private warn(danger: string): void {
    const step = this.copy("grave");
    this.help(step, [danger]);
    this.show(step);
  }

  private end(): void {
    if (!this.quiz) return;
    this.at = undefined;
    const { band, dangers } = outcome(this.quiz, this.given);
    const step = this.copy("end");
    fill(step, "head", band.title);
    fill(step, "text", band.text);
    const guides = this.help(step, dangers);
    if (dangers.length === 0) step.querySelector("[data-help]")?.remove();

    const list = step.querySelector("[data-guides]");
    const links = [...guides.map((a) => ({ href: a.getAttribute("href") ?? "", title: a.textContent ?? "" })), ...band.guides];
    const seen = new Set<string>();
    for (const { href, title } of links) {
      if (seen.has(href) || seen.size === most) continue;
      seen.add(href);
      const line = document.createElement("li");
      const link = document.createElement("a");
      link.href = href;
      link.textContent = title;
      line.append(link);
      list?.append(line);
    }
    if (seen.size === 0) step.querySelector("[data-read]")?.remove();

    const tick = step.querySelector<HTMLInputElement>("input[name=quiz]");
    const told = codes(this.quiz, this.given);
    if (tick) tick.value = told;
    if (!told) step.querySelector("[data-tick]")?.remove(); // there is nothing to tell
    const once = step.querySelector<HTMLInputElement>("input[name=message_id]");
    if (once) once.value = uuid();
    this.show(step);
  }

  /** Fills in who answers now for these dangers, each number once, and returns what there is to read. */
  private help(step: DocumentFragment, dangers: string[]): HTMLAnchorElement[] {
    const list = step.querySelector("[data-numbers]");
    const guides: HTMLAnchorElement[] = [];
    const seen = new Set<string>();
    for (const danger of dangers) {
      for (const link of this.copy(`danger="${danger}"`).querySelectorAll("a")) {
        if (link.hasAttribute("data-guide")) {
          guides.push(link);
          continue;
        }
        if (seen.has(link.href)) continue;
        seen.add(link.href);
        list?.append(link);
      }
    }
    return guides;
  }

  /** Without a tick the button leads to the chat as any link does, and nothing goes with her. */
  private tell(event: Event): void {
    const form = event.target instanceof HTMLFormElement ? event.target : null;
    if (!form?.hasAttribute("data-tell") || form.querySelector<HTMLInputElement>("input[name=quiz]")?.checked) return;
    event.preventDefault();
    location.assign(form.dataset["chat"] ?? form.action);
  }

  private show(step: DocumentFragment | undefined): void {
    const begin = this.find("[data-begin]");
    this.stage?.remove();
    this.stage = undefined;
    if (begin) begin.hidden = step !== undefined;
    if (!step) return;
    this.stage = document.createElement("div");
    this.stage.className = "sheet quiz-stage";
    this.stage.append(step);
    this.append(this.stage);
    this.focusOn(this.stage.querySelector<HTMLElement>("[data-head]"));
  }

  private focusOn(target: HTMLElement | null | undefined): void {
    target?.focus({ preventScroll: true });
    this.scrollIntoView({ block: "start" });
  }

  private forget(): void {
    this.given.clear();
    this.at = undefined;
    this.show(undefined);
  }

  private copy(name: string): DocumentFragment {
    const template = this.querySelector<HTMLTemplateElement>(`template[data-${name}]`);
    return template ? document.importNode(template.content, true) : document.createDocumentFragment();
  }

  private find(selector: string): HTMLElement | null {
    return this.querySelector<HTMLElement>(selector);
  }

  private word(name: string): string {
    return this.getAttribute(`data-${name}`) ?? "";
  }
}

/** How many guides stand at the end. */
const most = 4;

function fill(into: DocumentFragment, name: string, text: string): void {
  const place = into.querySelector(`[data-${name}]`);
  if (place) place.textContent = text;
}

define("quiz-walk", QuizWalk);
