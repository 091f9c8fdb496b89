// One proof at a time: the counsellor opens the way for it, the child reads what must never be sent and
// sends one file, and it stays sealed. With scripts and without.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Child, Counsellor } from "./people";

test("the one file that was asked for is sent after the warning, and stays sealed", { tag: ["@phone", "@small", "@nojs", "@dark"] }, async ({ page, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await child.opensChat();
  await counsellor.answers();
  await expect(page.locator("#talk-proof .proof"), "nothing can be sent that was not asked for").toHaveCount(0);
  await counsellor.asksFor("screenshot_messages");

  await expect(page.getByRole("heading", { name: "Envoyer : une capture des messages" })).toBeVisible({ timeout: 15_000 });
  await expect(page.locator("#talk-proof")).toContainText("N'envoie jamais une image où quelqu'un est nu");
  await picture(page, "proof");
  await expectNoSideways(page);
  await expectAccessible(page);
  await page.getByLabel("Choisis un fichier").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("du texte") });
  await page.getByLabel("Personne n'est nu sur ce fichier.").check();
  await page.getByRole("button", { name: "Envoyer ce fichier" }).click();
  await expect(page.locator("[data-file-status]")).toContainText("On ne peut pas prendre ce genre de fichier.");

  await page.getByLabel("Choisis un fichier").setInputFiles({ name: "capture.png", mimeType: "image/png", buffer: Buffer.from(onePixel, "base64") });
  await page.getByLabel("Personne n'est nu sur ce fichier.").check();
  await page.getByRole("button", { name: "Envoyer ce fichier" }).click();
  await expect(page.locator("#talk-proof .proof")).toHaveCount(0);
  await expect(child.log).toContainText("Bien arrivé, et gardé sous clé.");
  await expect(counsellor.talk).toContainText("Reçu, scellé.");
  await expect(counsellor.talk.locator("img"), "nothing of it is shown unasked").toHaveCount(0);
  await picture(page, "proof-sent");
  await counsellor.goesHome();
});

/** A picture of one grey pixel. */
const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";
