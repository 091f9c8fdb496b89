// What ends: a young person has all that she told us erased with her four words; the data protection officer decides how long the
// rest is kept, and sees what goes before it does; a hold keeps a case, and two people are needed for it.
import { expect, expectAccessible, looksRight, picture, test } from "./vigie";
import { Child, Counsellor, inConversation, phone } from "./people";
import { contactOf, logsIn, opensCase, talking } from "./staff";
import type { Page } from "@playwright/test";

test.use({ past: true });

/** Types the four words on the page of erasure, and presses a button. */
async function types(page: Page, words: string, button: string): Promise<void> {
  await page.goto("/resume/mine");
  await page.getByLabel("Tes 4 mots").fill(words);
  await page.getByRole("button", { name: button }).click();
}

test("with her four words she has everything erased, takes it back, and asks again", { tag: "@phone" }, async ({ page, someone, helpline }) => {
  test.setTimeout(240_000);
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  const supervisor = new Counsellor(await someone());
  await inConversation(child, counsellor);
  const words = (await child.asksForWords()).join(" ");
  const id = await contactOf(counsellor.talk);
  await opensCase(counsellor);
  const file = counsellor.page.url();
  await counsellor.page.goto("/desk");

  await test.step("from the menu of her conversation to a page that says what goes and when", async () => {
    await page.locator(".chat-end > summary").click();
    await page.getByRole("link", { name: "Faire effacer ce que j'ai dit" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Tout effacer");
    await expect(page, "a title that says nothing").toHaveTitle(/^Revenir avec tes 4 mots/);
    await expect(page.locator("[data-exit]")).toBeVisible();
    await looksRight(page, "erase-ask");
    await page.getByLabel("Tes 4 mots").fill("bonjour");
    await page.getByRole("button", { name: "Demander l'effacement" }).click();
    await expect(page.getByText("Il faut 4 mots de notre liste, dans l'ordre.")).toBeVisible();
  });

  await test.step("asked, it waits: her conversation, the desk and the floor say so", async () => {
    await types(page, words, "Demander l'effacement");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("C'est noté");
    await expect(page.getByText("Avant ce jour, rien ne disparaît.")).toBeVisible();
    await looksRight(page, "erase-waits");
    await page.goto("/chat");
    await expect(child.state).toContainText("Tu as demandé qu'on efface tout.");
    await looksRight(page, "erase-talk");
    await counsellor.page.reload();
    await expect(counsellor.form).toContainText("Effacement demandé avec les quatre mots");
    await picture(counsellor.page, "erase-desk");
    await supervisor.logsIn("dominique");
    await supervisor.page.goto("/desk/floor");
    const asked = supervisor.page.locator("#floor-forget");
    await expect(asked).toContainText("demandé avec ses quatre mots");
    await expect(asked).toContainText("Retenu : conversation en cours");
    await expectAccessible(supervisor.page, "#floor-forget");
    await picture(supervisor.page, "erase-floor");
  });

  await test.step("from another phone the words show it, and take it back", async () => {
    const elsewhere = await someone(phone);
    await types(elsewhere, words, "J'ai déjà demandé");
    await expect(elsewhere.getByRole("heading", { level: 1 })).toHaveText("C'est noté");
    await elsewhere.getByLabel("Tes 4 mots").fill(words);
    await elsewhere.getByRole("button", { name: "Annuler l'effacement" }).click();
    await expect(elsewhere.getByText("Rien n'est effacé. Tes 4 mots servent toujours à revenir.")).toBeVisible();
    await looksRight(elsewhere, "erase-kept");
    await supervisor.page.reload();
    await expect(supervisor.page.locator("#floor-forget")).toBeEmpty();
    await expect(child.state).not.toContainText("Tu as demandé qu'on efface tout.");
    await types(elsewhere, words, "J'ai déjà demandé");
    await expect(elsewhere.getByText("Aucun effacement n'est demandé.")).toBeVisible();
  });

  await test.step("asked again, all of it is gone a week later: the conversation, the case file, the words", async () => {
    await types(page, words, "Demander l'effacement");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("C'est noté");
    await counsellor.goesHome();
    await helpline.later(6);
    await supervisor.logsIn("dominique");
    expect((await supervisor.page.request.get(`/desk/history/${id}`)).status(), "a day before").toBe(200);
    await helpline.later(2);
    await supervisor.logsIn("dominique");
    await expect(async () => {
      expect((await supervisor.page.request.get(`/desk/history/${id}`)).status()).toBe(404);
      expect((await supervisor.page.request.get(file)).status()).toBe(404);
    }).toPass({ timeout: 20_000 });
    await child.comesBackWith(words);
    await expect(page.getByText("Ces 4 mots n'ouvrent rien.")).toBeVisible();
    await expect(async () => {
      await types(page, words, "J'ai déjà demandé"); // right after wrong ones: she may be asked to wait a second
      await expect(page.getByText("Ces 4 mots n'ouvrent rien."), "the same as for words that never were").toBeVisible({ timeout: 1_000 });
    }).toPass();
  });
});

test("without JavaScript too", { tag: "@nojs" }, async ({ page }) => {
  await page.goto("/chat");
  await page.locator(".begin-go button").click();
  await page.locator("#talk-words button").click();
  const words = (await page.locator(".words-word").allInnerTexts()).join(" ");
  await types(page, words, "Demander l'effacement");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("C'est noté");
  await expectAccessible(page);
  await picture(page, "erase-waits");
  await page.getByLabel("Tes 4 mots").fill(words);
  await page.getByRole("button", { name: "Annuler l'effacement" }).click();
  await expect(page.getByText("Rien n'est effacé. Tes 4 mots servent toujours à revenir.")).toBeVisible();
});

test.describe("durations", { tag: "@desk" }, () => {
  test("the officer sees what goes, tries other durations, publishes; a hold keeps a case until somebody else lifts it", async ({ page, someone, helpline }) => {
    test.setTimeout(300_000);
    const { child, counsellor } = await talking(someone);
    await opensCase(counsellor);
    const file = counsellor.page.url();
    const reference = (await counsellor.page.getByRole("heading", { level: 1 }).innerText()).replace("Dossier ", "");
    await child.saysGoodbye();
    await counsellor.page.goto("/desk");
    await counsellor.goesHome();
    await counsellor.page.goto(file);
    await counsellor.page.getByText("Fermer le dossier", { exact: true }).first().click();
    await counsellor.page.locator("#case-close").selectOption("solved");
    await counsellor.page.getByRole("button", { name: "Fermer le dossier" }).click();
    await expect(counsellor.page.getByRole("button", { name: "Rouvrir" })).toBeVisible();

    await test.step("before anybody has decided nothing is erased, and the page says so", async () => {
      await logsIn(page, "maelle");
      await page.goto("/admin");
      await page.getByRole("link", { name: "Conservation" }).click();
      await expect(page).toHaveURL(/\/admin\/keeping$/);
      await expect(page.getByText("Rien n'est effacé par règle")).toBeVisible();
      await looksRight(page, "keeping");
    });

    await test.step("other durations show what they would erase, and what keeps them from being published", async () => {
      await page.getByLabel("Durée en jours : Conversations closes").fill("60");
      await page.getByRole("button", { name: "Voir ce qui partirait" }).click();
      await expect(page.getByText(/^Messages vocaux.*plus longue que celle des conversations/)).toBeVisible();
      await expect(page.getByLabel("Durée en jours : Conversations closes"), "what was typed stays").toHaveValue("60");
      await picture(page, "keeping-flaw");
      await page.getByLabel("Durée en jours : Messages vocaux").fill("30");
      await page.getByLabel("Durée en jours : Fichiers remis").fill("30");
      await page.getByLabel("Durée en jours : Dossiers fermés").fill("90");
      await page.getByRole("button", { name: "Voir ce qui partirait" }).click();
      await expect(page.getByText(/Avec ces durées, [\d\s]+ éléments partiraient dans les 90 jours, au lieu de 0\./)).toBeVisible();
      await expect(page.getByLabel("Durée en jours : Conversations closes")).toHaveValue("60");
      await looksRight(page, "keeping-draft");
      await page.goto("/admin/keeping");
      await expect(page.getByLabel("Durée en jours : Conversations closes"), "a try changes nothing").toHaveValue("730");
    });

    await test.step("published, nothing goes before its week", async () => {
      for (const [what, days] of [["Conversations closes", "60"], ["Messages vocaux", "30"], ["Fichiers remis", "30"], ["Dossiers fermés", "90"]] as const) {
        await page.getByLabel(`Durée en jours : ${what}`).fill(days);
      }
      await page.getByRole("button", { name: "Publier ces durées" }).click();
      await expect(page.getByText("C'est publié. Ce qui doit partir reste annoncé ici 7 jours avant d'être effacé.")).toBeVisible();
      await picture(page, "keeping-published");
      await expect(page.getByRole("heading", { name: "Ce qui a été effacé" })).toHaveCount(0);
    });

    const supervisor = await someone();
    const other = await someone();
    await test.step("a supervisor forbids that the case be erased, and says why", async () => {
      await helpline.later(88);
      await logsIn(supervisor, "dominique");
      await supervisor.goto("/admin/keeping");
      await expect(supervisor.getByRole("button", { name: "Publier ces durées" }), "durations are not hers").toHaveCount(0);
      await expect(supervisor.getByRole("row", { name: reference })).toContainText(/\d{4}/);
      await picture(supervisor, "keeping-supervisor");
      await supervisor.getByRole("link", { name: reference }).click();
      await supervisor.getByText("Interdire l'effacement", { exact: true }).first().click();
      await supervisor.getByLabel("Pourquoi ce dossier doit être conservé").fill("Réquisition du parquet attendue");
      await supervisor.getByRole("button", { name: "Interdire l'effacement" }).click();
      await expect(supervisor.getByText("Réquisition du parquet attendue")).toBeVisible();
      await expect(supervisor.getByText("Ce dossier ne peut pas être effacé")).toBeVisible();
      await looksRight(supervisor, "hold-placed");
    });

    await test.step("its time passes: it is still there, and the preview says what keeps it", async () => {
      await helpline.later(20);
      await logsIn(page, "maelle");
      await page.goto("/admin/keeping");
      await expect(async () => {
        await page.reload();
        await expect(page.getByRole("heading", { name: "Ce qui a été effacé" })).toBeVisible({ timeout: 1_000 });
      }).toPass({ timeout: 20_000 });
      await expect(page.getByRole("row", { name: reference })).toContainText("Retenu : interdiction d'effacer");
      await expect(page.getByRole("link", { name: reference }), "the officer reads no case file").toHaveCount(0);
      await expect(page.getByText("Réquisition")).toHaveCount(0);
      await looksRight(page, "keeping-held");
    });

    await test.step("whoever placed the hold cannot lift it; somebody else does, and the week begins anew", async () => {
      await logsIn(supervisor, "dominique");
      await supervisor.goto(file);
      await expect(supervisor.getByText("Réquisition du parquet attendue")).toBeVisible();
      await expect(supervisor.getByRole("button", { name: "Permettre à nouveau l'effacement" })).toHaveCount(0);
      await logsIn(other, "morgane");
      await other.goto(file);
      await picture(other, "hold-lift");
      await other.getByRole("button", { name: "Permettre à nouveau l'effacement" }).click();
      await expect(other.getByText("Réquisition du parquet attendue")).toHaveCount(0);
      await helpline.later(6);
      await logsIn(other, "morgane");
      expect((await other.request.get(file)).status(), "six days after").toBe(200);
      await helpline.later(2);
      await logsIn(other, "morgane");
      await expect(async () => expect((await other.request.get(file)).status()).toBe(404)).toPass({ timeout: 20_000 });
      await logsIn(page, "maelle");
      await page.goto("/admin/keeping");
      await expect(page.getByRole("row", { name: /Dossiers fermés/ }).last()).toContainText("1");
      await picture(page, "keeping-done");
    });
  });
});
