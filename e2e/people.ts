// The two people of nearly every journey, and what each does with her own hands and reads with her own
// eyes: a child on her phone, a counsellor at her desk.
import { expect, type Locator, type Page } from "@playwright/test";

/** Everybody's password in the demonstration (internal/demo). */
const password = "lampe sur la mer";

/** The messages of a list of bubbles, in their order, without the quiet lines of the house. */
async function said(log: Locator): Promise<string[]> {
  const texts = await log.locator(".bubble-text:visible").allInnerTexts();
  return texts.map((text) => text.trim());
}

export class Child {
  readonly log: Locator;
  readonly state: Locator;

  constructor(readonly page: Page) {
    this.log = page.locator("#talk-log");
    this.state = page.locator("#talk-state");
  }

  /** Opens the chat, answering only what it is about, if anything. */
  async opensChat(topic = "", path = "/chat"): Promise<void> {
    await this.page.goto(path);
    if (topic) await this.page.getByLabel(topic).check();
    await this.page.locator(".begin-go button").click();
    await expect(this.state.locator(".waiting-title")).toBeVisible();
  }

  get field(): Locator {
    return this.page.locator("textarea[name=body]");
  }

  async writes(text: string): Promise<void> {
    await this.field.fill(text);
    await this.page.locator(".composer-send").click();
  }

  messages(): Promise<string[]> {
    return said(this.log);
  }

  bubble(text: string): Locator {
    return this.log.locator(".bubble", { hasText: text });
  }

  /** Asks for the four words, and reads them. */
  async asksForWords(): Promise<string[]> {
    await this.page.locator("#talk-words button").click();
    await expect(this.page.locator(".words-word")).toHaveCount(4);
    return this.page.locator(".words-word").allInnerTexts();
  }
}

export class Counsellor {
  readonly talk: Locator;
  readonly ring: Locator;
  readonly form: Locator;

  constructor(readonly page: Page) {
    this.talk = page.locator(".talk");
    this.ring = page.locator("[data-ring]");
    this.form = page.locator("#panel");
  }

  async logsIn(login: string): Promise<void> {
    await this.page.goto("/desk");
    await this.page.locator("[name=login]").fill(login);
    await this.page.locator("[name=password]").fill(password);
    await this.page.locator("form[action='/desk/login'] button").click();
    await expect(this.page).toHaveURL(/\/desk$/);
    await this.hears();
  }

  /** Waits until her page is on the line with the server. */
  async hears(): Promise<void> {
    await expect(this.page.locator("live-stream")).toHaveAttribute("data-state", "open");
  }

  async becomes(state: "available" | "busy" | "away"): Promise<void> {
    await this.page.locator(".presence-switch > summary").click();
    await this.page.locator(`.presence-switch button[value=${state}]`).click();
    await expect(this.page.locator(`.presence-switch > summary.presence-${state}`)).toBeVisible();
  }

  async accepts(): Promise<void> {
    await this.ring.locator("form[action$='/accept'] button").click();
    await expect(this.ring).toHaveCount(0);
    await expect(this.talk).toHaveCount(1);
  }

  get field(): Locator {
    return this.talk.locator("textarea[name=body]");
  }

  async writes(text: string): Promise<void> {
    await this.field.fill(text);
    await this.talk.locator(".composer-send").click();
  }

  messages(): Promise<string[]> {
    return said(this.talk.locator(".chat-log-list"));
  }

  bubble(text: string): Locator {
    return this.talk.locator(".bubble", { hasText: text });
  }

  /** Leaves her desk as the next test expects it: nothing rings here any more. */
  async goesHome(): Promise<void> {
    for (const talk of await this.talk.all()) {
      const id = (await talk.getAttribute("id"))?.replace(/^talk-/, "");
      await this.page.request.post(`/desk/contacts/${id}/dismiss`, { form: { code: "test" } });
    }
    await this.page.request.post("/desk/presence", { form: { state: "away" } });
  }
}
