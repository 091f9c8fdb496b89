// A picture goes round: from the link that a child pastes to the message that it is gone.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { contactOf, logsIn, opensCase, talking } from "./staff";

test.use({ settings: { VIGIE_TAKEDOWN_APART: "1s" } });

test.describe("takedown", { tag: "@desk" }, () => {
  test("chat, link, notice, sent, acknowledged, decided, looked at twice, and the child told in the same conversation", async ({ someone }) => {
    test.setTimeout(150_000);
    const { child, counsellor } = await talking(someone);
    const { page } = counsellor;
    await child.writes("ma photo tourne là : https://www.instagram.com/p/Cabc123/?igsh=zzz");
    await expect(counsellor.talk).toContainText("ma photo tourne");
    const contact = await contactOf(counsellor.talk);
    await opensCase(counsellor);

    const section = page.getByRole("region", { name: "Faire retirer un contenu" });
    await test.step("two steps from the pasted link", async () => {
      await section.getByText("Préparer une notification", { exact: true }).click();
      await section.getByLabel("Le lien, ou plusieurs").fill("ma photo tourne là : https://www.instagram.com/p/Cabc123/?igsh=zzz");
      await section.getByLabel("Motif").selectOption({ label: "Harcèlement en ligne" });
      await section.getByLabel("Ce qu'on y voit").fill("Une photo d'une personne mineure, avec des insultes.");
      await section.getByRole("button", { name: "Préparer", exact: true }).click();
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Instagram, notification n° 1");
      await expect(page.getByLabel("Exposé des motifs")).toHaveValue(/instagram\.com\/p\/Cabc123.*222-33-2-2/s);
      await expect(page.locator("main")).not.toContainText("igsh");
      await expectAccessible(page);
      await picture(page, "notice-draft");
    });
    await test.step("the child is asked first, then it may go", async () => {
      await expect(page.getByText("L'accord de l'enfant")).toBeVisible();
      await expect(page.getByRole("button", { name: "Donner le feu vert" })).toHaveCount(0);
      await page.getByRole("button", { name: "L'enfant a dit oui" }).click();
      await page.getByRole("button", { name: "Donner le feu vert" }).click();
      await expect(page.getByRole("heading", { name: "Envoyer", exact: true })).toBeVisible();
      await expectAccessible(page);
      await expectNoSideways(page);
      await picture(page, "notice-send");
      await page.emulateMedia({ colorScheme: "dark" });
      await page.setViewportSize({ width: 320, height: 640 });
      await expectAccessible(page);
      await expectNoSideways(page);
      await picture(page, "notice-send-small-dark");
      await page.emulateMedia({ colorScheme: "light" });
      await page.setViewportSize({ width: 1440, height: 900 });
    });
    await test.step("sent through the network's own form, acknowledged, decided", async () => {
      await page.getByLabel("Référence donnée par le réseau").fill("IG-4711");
      await page.getByRole("button", { name: "C'est envoyé" }).click();
      await expect(page.getByRole("region", { name: "Ce qui est signalé" })).toContainText("IG-4711");
      await page.getByRole("button", { name: "Noter la réponse" }).click();
      await expect(page.getByText("Reçue par le réseau").first()).toBeVisible();
      await page.getByLabel("Sa décision").selectOption("Contenu retiré");
      await page.getByLabel("Ses mots").fill("Nous avons retiré cette publication.");
      await page.getByRole("button", { name: "Noter la réponse" }).click();
      await expect(page.getByText("Nous avons retiré cette publication.")).toBeVisible();
    });
    await test.step("an accepted notice is no removal: it is looked at twice", async () => {
      await page.getByRole("button", { name: "J'ai regardé : c'est parti" }).click();
      await expect(page.getByText(/^Parti\s*:\s*Camille/)).toHaveCount(1);
      await expect(page.getByText("Décision reçue").first()).toBeVisible();
      await expect(async () => {
        await page.getByRole("button", { name: "J'ai regardé : c'est parti" }).click();
        await expect(page.getByText("Disparu, vu deux fois").first()).toBeVisible({ timeout: 1_500 });
      }).toPass();
      await expectAccessible(page);
      await picture(page, "notice-removed");
    });
    await test.step("the child reads it in her own conversation", async () => {
      await page.getByRole("button", { name: "Envoyer dans la conversation" }).click();
      await expect(page.getByText("Disparu, surveillé").first()).toBeVisible();
      await expect(child.page.locator("chat-log")).toContainText("n'est plus en ligne");
    });
    await page.goto(`/desk?c=${contact}`);
    await counsellor.goesHome();
  });

  test("a network with an API: sent by Vigie itself, once, and gone when its moderators act", async ({ someone, helpline, request }) => {
    test.setTimeout(120_000);
    const network = /pretend network[^:]*: (http:\/\/127\.0\.0\.1:\d+)\//.exec(helpline.log())![1]!;
    const link = `${network}/@loup.noir/112233`;
    expect((await request.get(link)).status()).toBe(200);
    const { counsellor } = await talking(someone);
    const { page } = counsellor;
    const contact = await contactOf(counsellor.talk);
    await opensCase(counsellor);
    const section = page.getByRole("region", { name: "Faire retirer un contenu" });
    await section.getByText("Préparer une notification", { exact: true }).click();
    await section.getByLabel("Le lien, ou plusieurs").fill(`regarde ${link}`);
    await section.getByLabel("Motif").selectOption({ label: "Harcèlement en ligne" });
    await section.getByLabel("Ce qu'on y voit").fill("Un appel à se moquer d'une personne mineure.");
    await section.getByRole("button", { name: "Préparer", exact: true }).click();
    await page.getByRole("button", { name: "L'enfant a dit oui" }).click();
    await page.getByRole("button", { name: "Donner le feu vert" }).click();
    await picture(page, "notice-api");
    await page.getByRole("button", { name: "Envoi direct (Mastodon)" }).click();
    await expect(async () => {
      await page.reload();
      await expect(page.getByText("Envoyée", { exact: true })).toBeVisible({ timeout: 1_000 });
    }).toPass();
    await expect(page.getByText(/Référence\s*:\s*\S+/)).toBeVisible();
    await expect.poll(async () => (await request.get(link)).status(), { message: "its moderators act" }).toBe(404);
    await page.goto(`/desk?c=${contact}`);
    await counsellor.goesHome();
  });

  test("two addresses of one network: a draft is made two, so that Vigie can send each", async ({ someone, helpline }) => {
    const network = /pretend network[^:]*: (http:\/\/127\.0\.0\.1:\d+)\//.exec(helpline.log())![1]!;
    const { counsellor } = await talking(someone);
    const { page } = counsellor;
    const contact = await contactOf(counsellor.talk);
    await opensCase(counsellor);
    const section = page.getByRole("region", { name: "Faire retirer un contenu" });
    await section.getByText("Préparer une notification", { exact: true }).click();
    await section.getByLabel("Le lien, ou plusieurs").fill(`${network}/@loup.noir/112233 et ${network}/@loup.noir`);
    await section.getByLabel("Motif").selectOption({ label: "Harcèlement en ligne" });
    await section.getByLabel("Ce qu'on y voit").fill("Un appel à se moquer d'une personne mineure.");
    await section.getByRole("button", { name: "Préparer", exact: true }).click();
    await page.getByRole("button", { name: "L'enfant a dit oui" }).click();
    await expect(page.getByText("Un envoi direct est possible, une adresse à la fois")).toBeVisible();
    await picture(page, "notice-split");
    await expectAccessible(page);
    await page.getByRole("button", { name: "En faire 2 notifications, une par adresse" }).click();
    await expect(section.locator(".notice-row, li, tr").filter({ hasText: "Brouillon" })).toHaveCount(2);
    await picture(page, "notice-split-done");
    await section.getByRole("link").last().click();
    await page.getByRole("button", { name: "Donner le feu vert" }).click();
    await expect(page.getByRole("button", { name: "Envoi direct (Mastodon)" })).toBeVisible();
    await page.goto(`/desk?c=${contact}`);
    await counsellor.goesHome();
  });

  test("without the child's yes: only a supervisor, who says why, in her own file too", async ({ someone }) => {
    test.setTimeout(120_000);
    const { counsellor } = await talking(someone);
    const { page } = counsellor;
    const contact = await contactOf(counsellor.talk);
    await opensCase(counsellor);
    const file = page.url();
    const section = page.getByRole("region", { name: "Faire retirer un contenu" });
    await section.getByText("Préparer une notification", { exact: true }).click();
    await section.getByLabel("Le lien, ou plusieurs").fill("https://www.instagram.com/p/Cdef456/");
    await section.getByLabel("Motif").selectOption({ label: "Harcèlement en ligne" });
    await section.getByLabel("Ce qu'on y voit").fill("Une photo d'une personne mineure, avec des insultes.");
    await section.getByRole("button", { name: "Préparer", exact: true }).click();
    await expect(page.getByRole("button", { name: "L'enfant a dit oui" })).toBeVisible();
    await expect(page.getByText("Envoyer sans son accord")).toHaveCount(0);
    const notice = page.url();

    await page.goto(file);
    await page.locator("summary", { hasText: "Confier le dossier" }).click();
    await page.locator("#case-owner").selectOption("Dominique");
    await page.locator("form[action$='/hand-over'] button").click();
    await expect(page.getByRole("list", { name: "Chronologie" })).toContainText("Dominique");

    const dominique = await someone();
    await logsIn(dominique, "dominique");
    await dominique.goto(notice);
    await dominique.locator("summary", { hasText: "Envoyer sans son accord" }).click();
    await dominique.getByLabel("Pourquoi ?").fill("Elle est injoignable et la photo circule dans toute l'école.");
    await dominique.getByRole("button", { name: "Envoyer sans son accord" }).click();
    await expect(dominique.getByRole("button", { name: "Donner le feu vert" })).toBeVisible();
    await page.goto(`/desk?c=${contact}`);
    await counsellor.goesHome();
  });
});
