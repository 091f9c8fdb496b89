// What the journeys of the staff's side share: a child's phone beside the desk, and the desk's menus.
import { createHmac } from "node:crypto";
import { expect, type BrowserContextOptions, type Locator, type Page } from "@playwright/test";
import { Child, Counsellor, password, phone } from "./people";

export { password, phone };

type Someone = (look?: BrowserContextOptions) => Promise<Page>;

/** A child who has opened the chat on her phone. */
export async function childWaits(someone: Someone, topic = ""): Promise<Child> {
  const child = new Child(await someone(phone));
  await child.opensChat(topic);
  return child;
}

/** A counsellor at her desk, whom contacts may ring. */
export async function counsellorReady(someone: Someone, login: string): Promise<Counsellor> {
  const counsellor = new Counsellor(await someone());
  await counsellor.logsIn(login);
  await counsellor.becomes("available");
  return counsellor;
}

/** A child and a counsellor who talk. */
export async function talking(someone: Someone, login = "camille", topic = ""): Promise<{ child: Child; counsellor: Counsellor }> {
  const counsellor = await counsellorReady(someone, login);
  const child = await childWaits(someone, topic);
  await counsellor.accepts();
  await expect(child.state).toContainText("Tu parles avec");
  return { child, counsellor };
}

/** The id of the contact in a conversation of the desk. */
export async function contactOf(talk: Locator): Promise<string> {
  return ((await talk.getAttribute("id")) ?? "").replace(/^talk-/, "");
}

/** Unfolds every part of the form beside the conversation. */
export async function unfolds(counsellor: Counsellor): Promise<void> {
  await counsellor.form.locator("details.section").evaluateAll((parts) => parts.forEach((part) => part.setAttribute("open", "")));
}

/** Opens the case file of the contact beside the conversation, and goes to it. */
export async function opensCase(counsellor: Counsellor): Promise<void> {
  await counsellor.page.locator("summary", { hasText: "Ouvrir un dossier" }).click();
  await counsellor.page.getByRole("button", { name: "Ouvrir le dossier" }).click();
  await expect(counsellor.page).toHaveURL(/\/desk\/cases\//);
}

/** Opens the menu « Plus » of a conversation. */
export async function more(talk: Locator): Promise<Locator> {
  const menu = talk.locator(".talk-acts details.menu");
  if ((await menu.getAttribute("open")) === null) await menu.locator("summary").click();
  return menu.locator(".menu-sheet");
}

/** Does one thing of that menu: its choices by their names, then its button. */
export async function act(talk: Locator, path: string, choices: Record<string, string> = {}): Promise<void> {
  const form = (await more(talk)).locator(`form[action$="/${path}"]`);
  for (const [name, value] of Object.entries(choices)) await form.locator(`[name=${name}]`).selectOption(value);
  await form.locator("button").click();
}

/** As a supervisor, says of all that rings that she has seen it. */
export async function seesAlarms(page: Page): Promise<void> {
  const alarms = page.locator("#desk-alarms .alert");
  for (let left = await alarms.count(); left > 0; left = await alarms.count()) {
    const id = await alarms.first().getAttribute("id");
    await alarms.first().getByRole("button", { name: "Vu" }).click();
    await expect(page.locator(`#${id}`)).toHaveCount(0);
  }
}

/** Logs in and nothing more: for those who have no desk, or whose log-in is what is looked at. */
export async function logsIn(page: Page, login: string, word = password): Promise<void> {
  await page.goto("/desk/login");
  await page.getByLabel("Identifiant").fill(login);
  await page.getByLabel("Mot de passe").fill(word);
  await page.getByRole("button", { name: "Continuer" }).click();
}

/** The code an application shows for a secret (RFC 6238), so many half minutes from now. */
export function codeOf(secret: string, later = 0): string {
  const bits = [...secret.replace(/=+$/, "")].map((sign) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(sign).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later));
  const hash = createHmac("sha1", key).update(step).digest();
  const at = hash[19]! & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
