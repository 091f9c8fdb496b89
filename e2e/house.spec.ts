// Those who keep the house: what may be written, who may come in, and the log of it.
import { expect, test } from "./vigie";
import { Counsellor } from "./people";
import { logsIn } from "./staff";

test.describe("the house", { tag: "@desk" }, () => {
  test("an editor writes the words, and sees neither the accounts, nor the log, nor a child's word", async ({ page }) => {
    await logsIn(page, "sacha");
    await expect(page).toHaveURL(/\/admin\/catalogue$/);
    await expect(page.getByRole("heading", { name: "Fiches et réglages" })).toBeVisible();
    await expect(page.locator("tbody tr")).toHaveCount(23);
    for (const hidden of ["L'équipe", "Journal", "Retour au poste"]) await expect(page.getByRole("link", { name: hidden })).toHaveCount(0);
    for (const path of ["/admin/staff", "/admin/audit", "/desk", "/desk/history"]) {
      expect((await page.goto(path))?.status(), path).toBe(403);
      await expect(page.locator("main")).toContainText("Cette page est fermée ici.");
    }
    await page.goto("/admin/catalogue/hours");
    await expect(page.getByLabel("Texte (TOML)")).toHaveAttribute("readonly", "");
    await expect(page.getByRole("button", { name: "Publier" }), "the hours are a rule, not words").toHaveCount(0);
    const refused = await page.request.post("/admin/catalogue/hours", { form: { base: "1", text: "edition = 1" } });
    expect(refused.status()).toBe(403);
  });

  test("a document with flaws shows each with its line and loses nothing; published, the older version stays readable", async ({ page, someone }) => {
    await logsIn(page, "sacha");
    await page.getByRole("link", { name: "Réponses prêtes" }).click();
    const text = page.getByLabel("Texte (TOML)");
    const before = await text.inputValue();
    const lines = before.split("\n");
    const at = lines.findIndex((line) => line.startsWith('title = { fr = "Bonjour"'));
    expect(at).toBeGreaterThan(0);

    const broken = [...lines];
    broken[at] = 'title = { fr = "Bonjour" }';
    broken[at + 1] = broken[at + 1]!.replace("{conseiller}", "{inconnu}");
    await text.fill(broken.join("\n"));
    await page.getByRole("button", { name: "Publier" }).click();
    const flaws = page.locator(".notice", { hasText: "Rien n'a été publié." }).locator("li");
    await expect(flaws.filter({ hasText: `ligne ${at + 1}` })).toContainText("il manque la phrase en « en »");
    await expect(flaws.filter({ hasText: "« inconnu »" }).or(flaws.filter({ hasText: "{inconnu}" })).or(flaws.filter({ hasText: "mêmes variables" })).first()).toContainText(`ligne ${at + 2}`);
    await expect(text, "what was written is still there").toHaveValue(broken.join("\n"));

    await text.fill(before + "\n[[answer]\n");
    await page.getByRole("button", { name: "Publier" }).click();
    await expect(flaws).toHaveCount(1);
    await expect(flaws).toContainText("ne se lit pas comme du TOML");

    lines[at] = 'title = { fr = "Bonjour à toi", en = "Hello you" }';
    await text.fill(lines.join("\n"));
    await page.getByRole("button", { name: "Publier" }).click();
    await expect(page.locator(".notice")).toContainText("C'est publié.");
    await expect(text).toHaveValue(/Bonjour à toi/);
    const versions = page.locator("section", { has: page.getByRole("heading", { name: "Versions" }) });
    await expect(versions.getByRole("link")).toHaveCount(2);

    // Somebody who still writes over the version before is told, and keeps her text.
    const colleague = await someone();
    await logsIn(colleague, "alix");
    await colleague.goto("/admin/catalogue/answers");
    await colleague.locator("[name=base]").evaluate((field: HTMLInputElement) => (field.value = "1"));
    await colleague.getByRole("button", { name: "Publier" }).click();
    await expect(colleague.locator(".notice")).toContainText("Quelqu'un a publié la version 2");
    await expect(colleague.getByLabel("Texte (TOML)")).toHaveValue(/Bonjour à toi/);

    await versions.getByRole("link", { name: "Version 1," }).click();
    await expect(text).toHaveValue(before);
    await expect(page.locator(".notice"), "one sees that it is not the one that counts").toContainText("Vous lisez la version 1.");
    await page.getByRole("button", { name: "Publier" }).click();
    await expect(page.locator(".notice")).toContainText("C'est publié.");
    await expect(versions.getByRole("link")).toHaveCount(3);
    await expect(text).toHaveValue(before);
  });

  test("an account: added, its first password changed, closed and out at once, given another password", async ({ page, someone }) => {
    test.slow();
    const mine = "quatre marins dans la brume";
    await logsIn(page, "alix");
    await page.goto("/admin/staff");
    const add = async (login: string, alias: string) => {
      await page.getByLabel("Identifiant").fill(login);
      await page.getByLabel("Prénom d'écoute").fill(alias);
      await page.getByRole("button", { name: "Ajouter", exact: true }).click();
    };
    await add("camille", "Lou");
    await expect(page.locator(".field-fault")).toContainText("Ce nom de connexion est déjà pris.");
    await expect(page.getByLabel("Prénom d'écoute"), "what was typed is still there").toHaveValue("Lou");
    await add("lou", "Lou");
    await expect(page.locator(".notice")).toContainText("Premier mot de passe de Lou, montré cette fois seulement.");
    const given = await page.locator(".recovery").innerText();
    const row = page.locator("tbody tr", { hasText: "lou" }).first();

    const lou = await someone();
    await logsIn(lou, "lou", given);
    await lou.goto("/desk");
    await expect(lou, "nothing opens before she has chosen her own").toHaveURL(/\/desk\/account/);
    await expect(lou.locator("main")).toContainText("On vous a donné ce mot de passe. Choisissez le vôtre pour continuer.");
    await lou.getByLabel("Mot de passe actuel").fill(given);
    await lou.getByLabel("Nouveau mot de passe").fill(mine);
    await lou.getByRole("button", { name: "Changer le mot de passe" }).click();
    await expect(lou.locator("main")).toContainText("Votre mot de passe est changé.");
    await lou.getByRole("link", { name: "Retour au poste" }).click();
    await expect(lou).toHaveURL(/\/desk$/);
    await new Counsellor(lou).hears();

    await page.goto("/admin/staff");
    await expect(page.locator(".recovery"), "it was shown once").toHaveCount(0);
    await row.getByRole("button", { name: "Fermer le compte" }).click();
    await expect(row.getByRole("button", { name: "Rouvrir le compte" })).toBeVisible();
    await expect(lou.locator("live-stream")).toHaveAttribute("data-state", "lost");
    await lou.reload();
    await expect(lou).toHaveURL(/\/desk\/login$/);
    await logsIn(lou, "lou", mine);
    await expect(lou.locator(".notice"), "a closed account is told nothing else than a wrong word").toContainText("Ce nom et ce mot de passe ne vont pas ensemble.");

    await row.getByRole("button", { name: "Rouvrir le compte" }).click();
    await row.getByRole("button", { name: "Nouveau mot de passe" }).click();
    const again = await page.locator(".recovery").innerText();
    expect(again).not.toBe(given);
    await logsIn(lou, "lou", mine);
    await expect(lou.locator(".notice")).toContainText("ne vont pas ensemble");
    await logsIn(lou, "lou", again);
    await expect(lou).toHaveURL(/\/desk\/account$/);

    // Nobody locks the house from inside.
    const own = page.locator("tbody tr", { hasText: "Alix" });
    await own.getByRole("button", { name: "Fermer le compte" }).click();
    await expect(page.locator("main")).toContainText("C'est la dernière personne qui administre la ligne.");
    await page.goto("/admin/staff");
    await row.getByRole("button", { name: "Fermer le compte" }).click();
    await expect(row.getByRole("button", { name: "Rouvrir le compte" })).toBeVisible();
  });

  test("an account is changed where it is listed: what is refused says where, what counts counts at once, who left is forgotten", async ({ page, someone }) => {
    await logsIn(page, "alix");
    await page.goto("/admin/staff");
    await page.getByLabel("Identifiant").fill("yael");
    await page.getByLabel("Prénom d'écoute").fill("Yaël");
    await page.getByLabel("Nom", { exact: true }).fill("Yaël Provisoire");
    await page.getByLabel("Les parents").check();
    await page.getByLabel("Tchats à la fois").fill("2");
    await page.getByRole("button", { name: "Ajouter", exact: true }).click();
    const given = await page.locator(".recovery").innerText();
    const yael = await someone();
    await logsIn(yael, "yael", given);
    await expect(yael).toHaveURL(/\/desk\/account/);

    await page.getByRole("link", { name: "Yaël" }).click();
    await expect(page.getByRole("heading", { name: "Yaël" })).toBeVisible();
    await expect(page.getByLabel("Les parents"), "what she was made with").toBeChecked();
    await expect(page.getByLabel("Tchats à la fois")).toHaveValue("2");
    const keep = page.getByRole("button", { name: "Garder les changements" });
    await page.getByLabel("Prénom d'écoute").fill("camille");
    await page.getByLabel("Les parents").uncheck();
    await keep.click();
    await expect(page.locator(".field-faulty .field-fault")).toContainText("Quelqu'un porte déjà cet alias");
    await expect(page.getByLabel("Les parents"), "nothing of what was chosen is lost").not.toBeChecked();
    await page.getByLabel("Prénom d'écoute").fill("Yaël");
    await page.getByLabel("Tchats à la fois").fill("xx");
    await keep.click();
    await expect(page.locator(".field-faulty .field-fault")).toContainText("Le nombre de tchats à la fois va de 0");
    await page.getByLabel("Tchats à la fois").fill("");
    await page.getByRole("group", { name: "Rôles" }).getByLabel("Rédaction").check();
    await page.getByRole("group", { name: "Rôles" }).getByLabel("Écoute").uncheck();
    await page.getByLabel("English").check();
    await keep.click();
    await expect(page.locator(".notice")).toContainText("C'est gardé, et compte dès maintenant.");
    await expect(page.getByLabel("English")).toBeChecked();
    await page.getByRole("link", { name: "Retour à l'équipe" }).click();
    await expect(page.locator("tbody tr", { hasText: "yael" })).toContainText("Rédaction");
    await expect(page.locator("tbody tr", { hasText: "yael" })).toContainText("fr, en");

    // Nobody takes the last administrator's role away, her own neither.
    await page.locator("tbody").getByRole("link", { name: "Alix" }).click();
    await page.getByLabel("Administration").uncheck();
    await page.getByLabel("Rédaction").check();
    await keep.click();
    await expect(page.locator(".notice")).toContainText("C'est la dernière personne qui administre la ligne.");

    await page.goto("/admin/staff");
    await page.locator("tbody tr", { hasText: "yael" }).getByRole("button", { name: "Fermer le compte" }).click();
    await page.getByRole("link", { name: "Yaël" }).click();
    await page.getByLabel("Pour confirmer, retapez « Yaël »").fill("Yael");
    await page.getByRole("button", { name: "Effacer pour toujours" }).click();
    await expect(page.locator(".notice")).toContainText("Rien n'a été effacé");
    await page.getByLabel("Pour confirmer, retapez « Yaël »").fill("Yaël");
    await page.getByRole("button", { name: "Effacer pour toujours" }).click();
    await expect(page.locator("main")).toContainText("Il ne reste que le prénom d'écoute.");
    await page.getByRole("link", { name: "Retour à l'équipe" }).click();
    await expect(page.locator("tbody tr", { hasText: "Yaël" })).not.toContainText("Provisoire");
    await expect(page.locator("tbody tr", { hasText: "Yaël" }).getByRole("button")).toHaveCount(0);
    await page.goto("/admin/audit");
    for (const act of ["staff.change", "staff.forget"]) await expect(page.locator("tbody tr", { hasText: act }).first()).toContainText("Alix");
  });

  test("the log tells who did what, and who looked at it; and no word of a child", async ({ page }) => {
    await logsIn(page, "alix");
    await page.goto("/admin/audit");
    const rows = page.locator("tbody tr");
    await expect(rows.filter({ hasText: "staff.login" }).first()).toContainText("Alix");
    await page.getByRole("searchbox").fill("audit.read");
    await page.getByRole("button", { name: "Chercher" }).click();
    await expect(rows.first()).toContainText("audit.read");
    await expect(rows.first()).toContainText("Alix");
    for (const text of await rows.allInnerTexts()) expect(text).toContain("audit.read");
    expect((await page.goto("/desk"))?.status(), "who keeps the house reads no child's words").toBe(403);
  });
});
