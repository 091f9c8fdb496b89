// What a child has kept on her own phone: she hands one thing of it to her counsellor, who sees that it is the same and when it was kept,
// and takes another back before anybody has opened it.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Child, Counsellor } from "./people";

const phrase = "lampe cactus tambour moulin";

/** A picture of one grey pixel. */
const onePixel = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==", "base64");

test("a thing from the vault is handed over with its hash and time, and another is taken back", { tag: ["@phone", "@small", "@dark"] }, async ({ page, someone }) => {
  test.setTimeout(180_000);
  await page.goto("/vault");
  await picture(page, "vault-new");
  await expectNoSideways(page);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Créer mon coffre" }).click();
  const making = page.locator("[data-view=phrase]");
  await expect(making.locator("[data-suggested]")).toHaveText(/^[a-z]+( [a-z]+){3}$/);
  await picture(page, "vault-phrase");
  await expectNoSideways(page);
  await expectAccessible(page);
  await making.getByLabel("Phrase secrète", { exact: true }).fill(phrase);
  await making.getByLabel("Encore une fois").fill(phrase);
  await making.getByRole("button", { name: "Créer le coffre" }).click();
  const open = page.locator("[data-view=open]");
  await expect(open).toBeVisible({ timeout: 30_000 });
  const items = open.locator("[data-items] > li");

  await page.getByRole("button", { name: "Une note" }).click();
  await page.getByLabel("Titre, si tu veux").fill("Lundi");
  await page.getByLabel("Ce qui s'est passé").fill("Il a recommencé à la récré.");
  await page.locator("[data-panel=note]").getByRole("button", { name: "Mettre dans le coffre" }).click();
  await expect(items).toHaveCount(1);
  for (const name of ["capture.png", "profil.png"]) {
    await page.locator("[data-pick=gallery]").setInputFiles({ name, mimeType: "image/png", buffer: onePixel });
    await expect(page.locator("[data-panel=nude]")).toBeVisible();
    if (name === "capture.png") {
      await picture(page, "vault-question");
      await expectAccessible(page);
    }
    await page.locator("[data-panel=nude]").getByRole("button", { name: "Non", exact: true }).click();
    await expect(items.filter({ hasText: name })).toBeVisible();
  }
  await picture(page, "vault-open");
  await expectNoSideways(page);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await picture(page, "vault-locked");
  await expectAccessible(page);

  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await child.opensChat();
  await counsellor.answers();
  await counsellor.asksFor("screenshot_post");
  await expect(page.locator("#talk-proof .proof")).toBeVisible({ timeout: 15_000 });

  const opens = async () => {
    await page.goto("/vault");
    await page.locator("[data-view=locked]").getByLabel("Phrase secrète").fill(phrase);
    await page.getByRole("button", { name: "Ouvrir", exact: true }).click();
    await expect(open).toBeVisible({ timeout: 30_000 });
  };
  const gives = async (name: string) => {
    await items.filter({ hasText: name }).getByRole("button", { name: "Donner à la personne qui m'aide" }).click();
    await page.locator("[data-panel=give] input[name=sure]").check();
    if (name === "capture.png") {
      await picture(page, "vault-give");
      await expectNoSideways(page);
      await expectAccessible(page);
    }
    await page.getByRole("button", { name: "Donner cette copie" }).click();
    await expect(open.locator("[data-status]")).toContainText("L'empreinte est vérifiée");
  };
  await opens();
  await expect(open.getByText("une capture de la publication")).toBeVisible();
  await gives("capture.png");
  const proofs = counsellor.talk.locator(".bubble-proof");
  await expect(proofs.first()).toContainText("Du coffre : empreinte vérifiée. Heure déclarée");
  await expect(proofs.first()).toContainText("Arrivée");
  await proofs.first().getByRole("button", { name: "Voir, flouté et en gris" }).click();
  await expect(proofs.first().locator("img")).toBeVisible();
  await expect(proofs.first(), "what is known of it stays").toContainText("empreinte vérifiée");
  await picture(counsellor.page, "vault-desk");

  // Another one, taken back before it is opened: her counsellor's page says so by itself.
  await counsellor.asksFor("screenshot_profile");
  await expect(open.getByText("une capture du profil")).toBeVisible({ timeout: 20_000 });
  await expect(items.filter({ hasText: "capture.png" })).toContainText("ouvert depuis");
  await expect(items.filter({ hasText: "capture.png" }).getByRole("button", { name: "Reprendre" })).toBeHidden();
  await gives("profil.png");
  await expect(proofs.nth(1)).toContainText("Du coffre");
  await picture(page, "vault-given");
  await items.filter({ hasText: "profil.png" }).getByRole("button", { name: "Reprendre" }).click();
  await expect(open.locator("[data-status]")).toContainText("C'est repris");
  await expect(proofs.nth(1)).toContainText("Repris par la personne");
  await expect(proofs.nth(1).getByRole("button")).toHaveCount(0);

  // Leaving quickly ends the conversation and closes the vault; it is there afterwards, with what was given in it.
  await page.goto("/vault");
  await opens();
  await expect(items).toHaveCount(3);
  await expect(items.filter({ hasText: "profil.png" })).toContainText("repris le");
  await counsellor.goesHome();
});

test("without JavaScript the page says what to keep on paper", { tag: ["@nojs"] }, async ({ page }) => {
  await page.goto("/vault");
  await expect(page.getByRole("heading", { name: "À noter sur papier" })).toBeVisible();
  await expect(page.getByText("Le nom du compte")).toBeVisible();
  await expect(page.locator("[data-view=new]")).toBeHidden();
  await picture(page, "vault-paper");
  await expectNoSideways(page);
  await expectAccessible(page);
});
