// The two people of nearly every journey, and what each does with her own hands and reads with her own
// eyes: a child on her phone, a counsellor at her desk.
import { expect, type BrowserContextOptions, type Locator, type Page } from "@playwright/test";

/** How a child looks at us from one more browser: `someone(phone)`. */
export const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** Everybody's password in the demonstration (internal/demo). */
export const password = "lampe sur la mer";

/** The messages of a list of bubbles, in their order, without the quiet lines of the house. */
async function said(log: Locator): Promise<string[]> {
  const texts = await log.locator(".bubble-text:visible").allInnerTexts();
  return texts.map((text) => text.trim());
}

async function logIn(page: Page, login: string): Promise<void> {
  await page.locator("[name=login]").fill(login);
  await page.locator("[name=password]").fill(password);
  await page.locator("form[action='/desk/login'] button").click();
  await expect(page).not.toHaveURL(/\/desk\/login$/);
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

  /** Waits until these are all the messages on her page, each once and in this order. */
  async reads(all: string[]): Promise<void> {
    await expect(async () => expect(await this.messages()).toEqual(all)).toPass({ timeout: 15_000 });
  }

  bubble(text: string): Locator {
    return this.log.locator(".bubble", { hasText: text });
  }

  /** Waits until her page is on the line with the server. */
  async hears(): Promise<void> {
    await expect(this.page.locator("live-stream")).toHaveAttribute("data-state", "open");
  }

  /** Waits until somebody is there for her. */
  async isWith(alias: string): Promise<void> {
    await expect(this.state).toContainText(`Tu parles avec ${alias}.`);
  }

  async leavesQuickly(): Promise<void> {
    await this.page.locator("[data-exit]").click();
  }

  async saysGoodbye(): Promise<void> {
    await this.page.locator(".chat-end > summary", { hasText: "Terminer" }).click();
    await this.page.getByRole("button", { name: "Oui, terminer" }).click();
  }

  /** Types her four words on the page that takes them. */
  async comesBackWith(words: string): Promise<void> {
    await this.page.goto("/resume");
    await this.page.getByLabel("Tes 4 mots").fill(words);
    await this.page.getByRole("button", { name: "Revenir", exact: true }).click();
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
    this.ring = page.locator("#ring-list [data-ring]");
    this.form = page.locator("#panel");
  }

  async logsIn(login: string): Promise<void> {
    await this.page.goto("/desk");
    await logIn(this.page, login);
    await expect(this.page).toHaveURL(/\/desk(\/handover)?$/);
    if (this.page.url().endsWith("/handover")) await this.page.goto("/desk"); // a shift begins with what was left to it
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
    const id = (await this.ring.getAttribute("id"))?.replace(/^ring-/, "");
    await this.ring.locator("form[action$='/accept'] button").click();
    await expect(this.ring).toHaveCount(0);
    await expect(this.page.locator(`#talk-${id}`)).toBeVisible();
  }

  get field(): Locator {
    return this.talk.locator("textarea[name=body]");
  }

  async writes(text: string): Promise<void> {
    await this.field.fill(text);
    await this.talk.locator(".composer-send").click();
  }

  /** Sits down at her desk, is there for whoever comes, and answers the one who rings. */
  async answers(login = "camille"): Promise<void> {
    await this.logsIn(login);
    await this.becomes("available");
    await this.accepts();
  }

  /** Opens the way for one proof. */
  async asksFor(what: string): Promise<void> {
    await this.talk.locator(".talk-acts .menu > summary").click();
    await this.talk.getByLabel("Demander une preuve").selectOption(what);
    await this.talk.getByRole("button", { name: "Ouvrir l'envoi d'un fichier" }).click();
  }

  messages(): Promise<string[]> {
    return said(this.talk.locator(".chat-log-list"));
  }

  /** Waits until these are all the messages of her conversation, each once and in this order. */
  async reads(all: string[]): Promise<void> {
    await expect(async () => expect(await this.messages()).toEqual(all)).toPass({ timeout: 15_000 });
  }

  async saysGoodbye(): Promise<void> {
    await this.talk.locator("form[action$='/end'] button").click();
  }

  bubble(text: string): Locator {
    return this.talk.locator(".bubble", { hasText: text });
  }

  /** As a supervisor, reads on the floor who left in danger and decides that the danger is over. */
  async liftsDanger(): Promise<void> {
    await this.page.goto("/desk/floor");
    await this.page.locator("#floor-decide").getByRole("button", { name: "Le danger est levé" }).click();
    await expect(this.page.getByText("Rien à décider : personne en danger n'attend votre décision.")).toBeVisible();
  }

  /** Leaves her desk as the next test expects it: nothing rings here any more. */
  async goesHome(): Promise<void> {
    const ids = await this.talk.evaluateAll((all) => all.map((talk) => talk.id.replace(/^talk-/, "")));
    for (const id of ids) {
      await this.page.request.post(`/desk/contacts/${id}/danger`, { form: { on: "0" } });
      await this.page.request.post(`/desk/contacts/${id}/dismiss`, { form: { code: "test" } });
    }
    await this.page.request.post("/desk/presence", { form: { state: "away" } });
  }
}

/** Whoever looks after the house, at its own pages. */
export class Administrator {
  constructor(readonly page: Page) {}

  /** Publishes one document of the catalogue, as she would by hand. */
  publishes(document: string, text: string): Promise<void> {
    return this.edits(document, () => text);
  }

  /** Changes one document of the catalogue. */
  async edits(document: string, change: (text: string) => string): Promise<void> {
    await this.page.goto(`/admin/catalogue/${document}`);
    if (this.page.url().endsWith("/desk/login")) {
      await logIn(this.page, "alix");
      await this.page.goto(`/admin/catalogue/${document}`);
    }
    await this.page.locator("[name=text]").fill(change(await this.page.locator("[name=text]").inputValue()));
    await this.page.locator("form.document button").click();
    await expect(this.page.getByText("C'est publié. Tous les postes l'ont reçu.")).toBeVisible();
  }
}

/** The two in the middle of it: she has said hello, and the counsellor is there. */
export async function inConversation(child: Child, counsellor: Counsellor): Promise<void> {
  await child.opensChat();
  await child.writes("Bonjour");
  await counsellor.answers();
  await child.isWith("Camille");
  await counsellor.writes("Bonjour, je suis là.");
  await child.reads(["Bonjour", "Bonjour, je suis là."]);
}
