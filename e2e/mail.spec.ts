// A letter to a contact, what comes back, and who says what it says: a person. The demonstration's post office answers.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { contactOf, opensCase, talking } from "./staff";

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
    await expect(page.getByText("Une réponse vous attend").first()).toBeVisible();
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
  await test.step("a person who read it says what it says", async () => {
    await page.goto(notice);
    await expect(page.getByLabel("Ses mots").first()).toHaveValue(/retiré les contenus/);
    await page.getByLabel("Que dit cette réponse ?").selectOption("Contenu retiré");
    await page.getByRole("button", { name: "C'est lu, noter la réponse" }).click();
    await expect(page.getByText("Décision reçue").first()).toBeVisible();
    await expect(page.getByRole("heading", { name: "Une réponse vous attend" })).toHaveCount(0);
  });
  await page.goto(`/desk?c=${contact}`);
  await counsellor.goesHome();
});
