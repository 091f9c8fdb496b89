// A letter to a contact, what comes back, and who says what it says: a person. The demonstration's post office answers.
import type { Page } from "@playwright/test";
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { contactOf, opensCase, talking } from "./staff";

/** Looks at a page as it is, and at 320 px in the dark. */
async function looksGood(page: Page, name: string): Promise<void> {
  await expectAccessible(page);
  await picture(page, name);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 320, height: 640 });
  await expectAccessible(page);
  await expectNoSideways(page);
  await picture(page, `${name}-small-dark`);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1440, height: 900 });
}

test("a letter goes by e-mail; its answer waits on the notice, a forged one is matched by nobody but a person", { tag: "@desk" }, async ({ someone }) => {
  test.setTimeout(150_000);
  const { counsellor } = await talking(someone);
  const { page } = counsellor;
  const contact = await contactOf(counsellor.talk);
  await opensCase(counsellor);
  const section = page.getByRole("region", { name: "Faire retirer un contenu" });
  await section.getByText("Préparer une notification", { exact: true }).click();
  await section.getByLabel("Le lien, ou plusieurs").fill("https://reseau.example/p/1 et https://reseau.example/p/2");
  await section.getByLabel("Motif").selectOption({ label: "Harcèlement en ligne" });
  await section.getByLabel("Ce qu'on y voit").fill("Des insultes envers une personne mineure.");
  await section.getByRole("button", { name: "Préparer", exact: true }).click();
  await page.getByRole("button", { name: "L'enfant a dit oui" }).click();
  await page.getByRole("button", { name: "Donner le feu vert" }).click();
  const notice = page.url();

  const letter = page.locator(".case-person", { has: page.getByRole("heading", { name: "Courriel à un contact" }) });
  await test.step("the letter is read before it goes", async () => {
    await letter.getByText("Relire la lettre avant l'envoi").click();
    await expect(letter.getByText("https://reseau.example/p/2").first()).toBeVisible();
    await expectAccessible(page);
    await expectNoSideways(page);
    await picture(page, "mail-preview");
    await letter.getByLabel("Adresse de courriel du contact").fill("trust@reseau.example");
    await letter.getByRole("button", { name: "Envoyer la lettre" }).click();
  });
  await test.step("its answer waits, and decides nothing", async () => {
    await expect(async () => {
      await page.goto(notice);
      await expect(page.getByRole("heading", { name: "Une réponse vous attend" })).toBeVisible({ timeout: 1_000 });
    }).toPass();
    await expect(page.getByText("Envoyée", { exact: true })).toBeVisible();
    await expectAccessible(page);
    await picture(page, "mail-reply");
    await page.goto("/desk/takedown");
    await expect(page.getByRole("region", { name: "Réponses à lire" })).toContainText("reseau.example");
    await picture(page, "mail-desk");
  });
  await test.step("what has our mark and comes from elsewhere says why it is not there", async () => {
    await page.getByRole("link", { name: "Réponses à rattacher" }).click();
    await expect(page.getByText(/ne vient pas du domaine/)).toBeVisible();
    await expectAccessible(page);
    await expectNoSideways(page);
    await picture(page, "mail-loose");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 320, height: 640 });
    await expectAccessible(page);
    await expectNoSideways(page);
    await picture(page, "mail-loose-small-dark");
    await page.goto(notice);
    await expectAccessible(page);
    await expectNoSideways(page);
    await picture(page, "mail-reply-small-dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto("/desk/replies");
    await page.locator("summary", { hasText: "Mettre de côté" }).click();
    await page.getByLabel("Pourquoi ?").fill("Ce n'est pas le réseau : il demande un nom.");
    await page.getByRole("button", { name: "Mettre de côté" }).click();
    await expect(page.getByText("Rien à rattacher.")).toBeVisible();
  });
  await test.step("what was set aside can be taken back, until it is erased", async () => {
    await page.getByRole("link", { name: "Réponses mises de côté" }).click();
    await expect(page.getByText("Ce n'est pas le réseau : il demande un nom.")).toBeVisible();
    await expect(page.getByText(/Mise de côté par Camille.*Effacée le/)).toBeVisible();
    await looksGood(page, "mail-aside");
    await page.getByRole("button", { name: "Reprendre" }).click();
    await expect(page.getByText(/ne vient pas du domaine/)).toBeVisible();
    await page.locator("summary", { hasText: "Mettre de côté" }).click();
    await page.getByLabel("Pourquoi ?").fill("Ce n'est pas le réseau : il demande un nom.");
    await page.getByRole("button", { name: "Mettre de côté" }).click();
    await expect(page.getByText("Rien à rattacher.")).toBeVisible();
  });
  await test.step("a person who read it says what it says", async () => {
    await page.goto(notice);
    await expect(page.getByLabel("Ses mots").first()).toHaveValue(/retiré les contenus/);
    await page.getByLabel("Que dit cette réponse ?").selectOption("Contenu retiré");
    await page.getByRole("button", { name: "C'est lu, noter la réponse" }).click();
    await expect(page.getByText("Décision reçue").first()).toBeVisible();
    await expect(page.getByRole("heading", { name: "Une réponse vous attend" })).toHaveCount(0);
  });
  await test.step("read wrongly: what was drawn is taken back, and the reply moved to nobody and back", async () => {
    await page.locator("summary", { hasText: "Elle a été mal lue" }).click();
    await looksGood(page, "mail-undo");
    await page.getByRole("button", { name: "Annuler ce qui a été noté" }).click();
    await expect(page.getByText("Envoyée", { exact: true }).first()).toBeVisible();
    await page.locator("summary", { hasText: "Elle n'est pas pour cette notification" }).click();
    await page.getByRole("button", { name: "Déplacer" }).click();
    await expect(page.getByRole("heading", { name: "Une réponse vous attend" })).toHaveCount(0);
    await page.goto("/desk/replies");
    await expect(page.getByText(/l'a retiré d'une notification/)).toBeVisible();
    await page.getByLabel("À quelle notification répond-il ?").selectOption({ index: 1 });
    await page.getByRole("button", { name: "Rattacher" }).click();
    await page.getByLabel("Que dit cette réponse ?").selectOption("Rien n'est fait");
    await page.getByRole("button", { name: "C'est lu, noter la réponse" }).click();
    await expect(page.getByText("Décision reçue").first()).toBeVisible();
  });
  await test.step("a complaint goes as a letter of the same conversation", async () => {
    await page.locator("summary", { hasText: "Réclamation interne (article 20)" }).click();
    await expect(page.locator("#step-art20")).toHaveValue(/article 20, paragraphe 6/);
    await looksGood(page, "mail-complaint");
    await page.locator("details[open]").getByRole("button", { name: "Envoyer la lettre" }).click();
    await expect(async () => {
      await page.goto(notice);
      await expect(page.getByText("Dernière étape faite : Réclamation interne (article 20).")).toBeVisible({ timeout: 1_000 });
    }).toPass();
    await page.locator("summary", { hasText: "Réclamation (article 20)" }).click();
    await expect(page.getByText(/^Envoyée.*Camille/).first()).toBeVisible();
    await looksGood(page, "mail-letters");
  });
  await page.goto(`/desk?c=${contact}`);
  await counsellor.goesHome();
});
