// The site: what a frightened reader finds first, with and without scripts, and how a page is written, read by a second person and published.
import { expect, expectAccessible, expectNoSideways, looksRightEverywhere, picture, test } from "./vigie";
import { logsIn, phone } from "./staff";

test.describe("the site", { tag: "@desk" }, () => {
  test("a child on her phone finds what to do without scripts, and comes to the chat", async ({ someone }) => {
    const page = await someone({ ...phone, javaScriptEnabled: false });
    await page.goto("/");
    await page.getByRole("link", { name: "Ça m'arrive à moi" }).click();
    await expect(page.getByRole("heading", { name: "On est là. Par où commencer ?" })).toBeVisible();
    for (const door of ["Parler à quelqu'un", "Mon coffre", "Suis-je victime ?", "Les guides"]) await expect(page.locator(".four-door", { hasText: door })).toBeVisible();
    await page.getByRole("link", { name: "On te fait du chantage avec une image" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("On te fait du chantage avec une image");
    await expect(page.locator(".guide-body > ol").first().locator("li").first()).toContainText("Ne paie pas.");
    await expect(page.locator(".guide-numbers").getByRole("link", { name: /3114/ })).toHaveAttribute("href", "tel:3114");
    await page.getByRole("link", { name: "La page pour les parents" }).click();
    await expect(page.locator(".guide-body")).toContainText("votre enfant");
    await page.goto("/guides");
    await page.getByLabel("Chercher un guide").fill("arcelement");
    await page.getByRole("button", { name: "Chercher" }).click();
    await expect(page).toHaveURL(/\/guides$/);
    await page.locator("#found").getByRole("link", { name: "On te harcèle en ligne" }).click();
    await page.getByRole("link", { name: "Parler par chat" }).last().click();
    await expect(page).toHaveURL(/\/chat$/);
    expect(await page.context().cookies(), "no cookie before a chat").toEqual([]);
  });

  test("a search finds while one types, and leaves no trace in the address; a page is sent on", async ({ someone }) => {
    const page = await someone({ ...phone, permissions: ["clipboard-write"] });
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto("/guides");
    const field = page.getByLabel("Chercher un guide");
    await field.pressSequentially("chantaje nud", { delay: 20 });
    await expect(page.locator("#found").getByRole("link", { name: "On te fait du chantage avec une image" })).toBeVisible();
    await expect(page.locator("#found [role=status]")).toContainText(/page/);
    await expect(field).toBeFocused();
    await expectAccessible(page);
    await picture(page, "site-search");
    await field.fill("zzzzzqqq");
    await expect(page.locator("#found")).toContainText("Rien trouvé avec ces mots");
    expect(asked.filter((url) => /chantaje|zzzz/.test(url)), "what is looked for stands in no address").toEqual([]);
    await page.goto("/news");
    await page.locator(".site-card a").first().click();
    await page.getByRole("button", { name: "Copier le lien" }).click();
    await expect(page.locator("share-page [data-status]")).toHaveText("Le lien est copié.");
    await expect(page.getByRole("link", { name: "Par courriel" })).toHaveAttribute("href", /^mailto:\?.*news/);
    await expect(page.getByRole("heading", { name: "Plus d'actualités" })).toBeVisible();
  });

  test("one person writes a page and sees it beside, another reads it and publishes it", async ({ someone }) => {
    test.setTimeout(120_000);
    const sacha = await someone();
    await logsIn(sacha, "sacha");
    await expect(sacha).toHaveURL(/\/admin/);
    await sacha.goto("/admin/pages?part=news");
    await expectAccessible(sacha);
    await sacha.getByRole("link", { name: "Nouvelle actualité" }).click();
    await sacha.getByLabel("Adresse", { exact: true }).fill("journee-essai");
    await sacha.locator("#title-fr").fill("Une journée d'essai");
    await sacha.locator("#title-en").fill("A day of trial");
    await sacha.locator("#summary-fr").fill("Ce que nous avons vu.");
    await sacha.locator("#summary-en").fill("What we saw.");
    await sacha.locator("#body-fr").fill("## Ce matin\n\nUn texte.");
    await sacha.locator("#body-en").fill("## This morning\n\nA text.");
    await sacha.getByRole("button", { name: "Enregistrer le brouillon" }).click();
    await expect(sacha.getByText("Le brouillon est là.")).toBeVisible();
    await sacha.locator("#body-fr").fill("## Ce matin\n\nUn texte, et le 3114 sans lien.");
    await expect(sacha.locator("#page-preview")).toContainText("Le 3114 n'est pas un lien", { timeout: 10_000 });
    await expect(sacha.locator("#page-preview .page-paper").first()).toContainText("et le 3114 sans lien");
    await sacha.reload();
    await expect(sacha.locator("#body-fr"), "it was kept while it was written").toHaveValue(/3114 sans lien/);
    await sacha.locator("#body-fr").fill("## Ce matin\n\nUn texte, et le [3114](tel:3114).");
    await expect(sacha.locator("#page-preview")).not.toContainText("n'est pas un lien", { timeout: 10_000 });
    await looksRightEverywhere(sacha, "page-edit");
    await sacha.getByRole("button", { name: "Enregistrer, et faire relire" }).click();
    await expect(sacha.getByText("Une deuxième personne peut relire et publier.")).toBeVisible();
    await expect(sacha.getByRole("button", { name: "Publier", exact: true })).toHaveCount(0);

    const alix = await someone();
    await logsIn(alix, "alix");
    await expect(alix).toHaveURL(/\/admin/);
    await alix.goto("/admin/pages?part=news");
    await alix.getByRole("link", { name: "Une journée d'essai" }).click();
    await alix.getByRole("button", { name: "Publier", exact: true }).click();
    await expect(alix.getByText("Publié.", { exact: true })).toBeVisible();

    const reader = await someone(phone);
    await reader.goto("/news/journee-essai");
    await expect(reader.getByRole("heading", { level: 1 })).toHaveText("Une journée d'essai");
    await expect(reader.locator(".guide-body").getByRole("link", { name: "3114" })).toHaveAttribute("href", "tel:3114");
    await reader.goto("/en/news/journee-essai");
    await expect(reader.getByRole("heading", { level: 1 })).toHaveText("A day of trial");
    await expectNoSideways(reader);
    await alix.getByRole("button", { name: "Retirer du site" }).click();
    await expect(alix.getByText("Retiré du site.")).toBeVisible();
    expect((await reader.request.get("/news/journee-essai")).status(), "who has read it may see it for a minute more").toBe(404);
  });
});
