// What callers hear, in the administration: listened to, replaced by a human voice, and given back.
import { announcement, expect, loudness, rate, Telephone, test, tone } from "./calls";
import { expectAccessible, expectNoSideways } from "./vigie";
import { logsIn } from "./staff";
import { resolve } from "node:path";
import type { Page } from "@playwright/test";

/** A picture of what is in sight: the whole page is ninety announcements long. */
async function look(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: resolve(import.meta.dirname, "shots", `${name}-${test.info().project.name}.png`), animations: "disabled" });
}

/** A short sound in a file of 23 MB. */
function heavy(): Buffer {
  const [short, rest] = [tone(440, 2), 23 << 20];
  const chunk = Buffer.alloc(8 + rest);
  chunk.write("JUNK", "latin1");
  chunk.writeUInt32LE(rest, 4);
  return Buffer.concat([short.subarray(0, 36), chunk, short.subarray(36)]);
}

test("an announcement is listened to, replaced, heard by the next caller, and given back", { tag: "@desk" }, async ({ page, helpline }) => {
  test.setTimeout(120_000);
  await logsIn(page, "alix");
  await page.goto("/admin/sounds");
  const greeting = page.locator("#sound-greetingfr");
  const ours = await announcement(greeting);
  await greeting.locator("audio").evaluate((audio: HTMLAudioElement) => audio.play());
  await expect.poll(() => greeting.locator("audio").evaluate((audio: HTMLAudioElement) => audio.currentTime)).toBeGreaterThan(0.2);

  await greeting.locator("summary").click();
  await greeting.locator("input[type=file]").setInputFiles({ name: "bonjour.wav", mimeType: "audio/wav", buffer: tone(1750, 3) });
  await greeting.getByRole("button", { name: "Remplacer" }).click();
  await expect(page.getByText("C'est enregistré. Les prochains appels l'entendent.")).toBeVisible();
  await expect(greeting).toContainText("Votre enregistrement");
  await expect(greeting).toContainText("0:03");
  expect(loudness((await announcement(greeting)).subarray(0, 2 * rate), 1750)).toBeGreaterThan(0.05);

  const caller = await Telephone.calls(helpline.line!.address, { keys: "" });
  await expect.poll(async () => loudness((await caller.heard(20)).subarray(rate / 2, 2 * rate), 1750), { timeout: 15_000 }).toBeGreaterThan(0.05);
  await caller.hangsUp();

  await greeting.locator("summary").click();
  await greeting.getByRole("button", { name: "Revenir à la nôtre" }).click();
  await expect(greeting).toContainText("Notre annonce");
  expect((await announcement(greeting)).length).toBe(ours.length);
});

test("a file that is no announcement is refused in a sentence, and the one that was there stays", { tag: "@desk" }, async ({ page }) => {
  test.setTimeout(120_000);
  await logsIn(page, "alix");
  await page.goto("/admin/sounds");
  const greeting = page.locator("#sound-greetingfr");
  const files = [
    { name: "vide.wav", buffer: Buffer.alloc(0), says: /vide|aucun son/i },
    { name: "lettre.wav", buffer: Buffer.from("Bonjour, ceci est un texte.\n".repeat(200)), says: /WAV|MP3/ },
    { name: "long.wav", buffer: tone(440, 150), says: /minutes/ },
    { name: "lourd.wav", buffer: heavy(), says: /20 Mo/ },
  ];
  await greeting.locator("summary").click();
  for (const { name, buffer, says } of files) {
    await greeting.locator("input[type=file]").setInputFiles({ name, mimeType: "audio/wav", buffer });
    await greeting.getByRole("button", { name: "Remplacer" }).click();
    await expect(greeting.locator(".notice"), name).toContainText(says);
    await expect(greeting, name).toContainText("Notre annonce");
    await expect(greeting.locator(".notice"), "it is in sight").toBeInViewport();
    await look(page, `sounds-${name}`);
  }
});

test("the page of the announcements", { tag: ["@desk", "@small", "@dark"] }, async ({ page }) => {
  await logsIn(page, "alix");
  await page.goto("/admin/sounds");
  await expect(page.locator(".sound").first()).toBeVisible();
  for (const title of await page.locator(".sound-title").allInnerTexts()) expect(title, "words, and no code").not.toContain("_");
  await look(page, "sounds");
  await expectNoSideways(page);
  await expectAccessible(page);
});
