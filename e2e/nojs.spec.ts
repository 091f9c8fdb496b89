// The whole chat without JavaScript: an old phone, a school's computer, a browser that forbids it. Plain
// forms and links do all of it, and nothing that is typed is lost.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Child, Counsellor } from "./people";

/** The page that refreshes itself takes no words: she goes to one that stays as it is while she writes. */
async function writes(child: Child, words: string): Promise<void> {
  await child.page.getByRole("link", { name: "Écrire un message" }).click();
  await child.writes(words);
}

test("a first contact by plain forms, from the first question to the last", { tag: "@nojs" }, async ({ page, someone }) => {
  test.setTimeout(120_000);
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());

  await test.step("she answers one question, waits, and the page refreshes itself", async () => {
    await page.goto("/");
    await page.locator('main a[href="/chat"]').first().click();
    await page.getByLabel("Une photo ou une vidéo de moi circule").check();
    await page.getByRole("button", { name: "Parler à quelqu'un" }).click();
    await expect(child.state).toContainText("Tu es dans la file");
    await expect(page.locator(".donow-steps")).toBeVisible();
    await picture(page, "plain-waiting");
    await expectNoSideways(page);
    await expectAccessible(page);
    await counsellor.answers();
    await expect(child.state).toContainText("Tu parles avec Camille.", { timeout: 15_000 });
  });

  await test.step("she writes", async () => {
    await expect(child.field).toBeHidden();
    await writes(child, "quelqu'un a envoyé ma photo");
    await expect(child.bubble("quelqu'un a envoyé ma photo")).toBeVisible();
    await expect(counsellor.bubble("quelqu'un a envoyé ma photo")).toBeVisible();
  });

  await test.step("she is answered", async () => {
    await counsellor.writes("Bonjour, je suis là. Tu as bien fait.");
    await expect(child.bubble("Tu as bien fait.")).toBeVisible({ timeout: 15_000 });
    await expect(child.bubble("quelqu'un a envoyé ma photo").locator(".delivery")).toHaveText("vu");
    await child.reads(["quelqu'un a envoyé ma photo", "Bonjour, je suis là. Tu as bien fait."]);
    await picture(page, "plain-talking");
    await expectAccessible(page);
  });

  await test.step("a message that is refused comes back with its text", async () => {
    const long = "trop long ".repeat(450);
    await writes(child, long);
    await expect(page.locator(".composer-fault")).toContainText("Le message est trop long");
    expect((await child.field.inputValue()).trim()).toBe(long.trim());
    await picture(page, "plain-refused");
    await child.writes("en deux mots alors");
    await expect(counsellor.bubble("en deux mots alors")).toBeVisible();
  });

  await test.step("she gets her four words on a page of their own", async () => {
    await page.getByRole("button", { name: "Garder mes 4 mots" }).click();
    await expect(page.locator(".words-word")).toHaveCount(4);
    await picture(page, "plain-words");
    await expectAccessible(page);
    await page.getByRole("link", { name: "Retour à la conversation" }).click();
    await child.isWith("Camille");
  });

  await test.step("she says goodbye and answers the last question", async () => {
    await child.saysGoodbye();
    await expect(page.getByRole("heading", { name: "La conversation est terminée" })).toBeVisible();
    await expect(counsellor.talk).toContainText("Il reste la fiche");
    await page.getByLabel("Un peu").check();
    await page.getByRole("button", { name: "Envoyer ma réponse" }).click();
    await expect(page.getByText("Merci. On lit chaque réponse.")).toBeVisible();
    await picture(page, "plain-over");
    await expectNoSideways(page);
    await expectAccessible(page);
    await page.getByRole("button", { name: "Revenir à l'accueil" }).click();
    await expect(page).toHaveURL("/");
  });
  await counsellor.goesHome();
});

test("the page where she writes stays as it is, whatever comes meanwhile", { tag: "@nojs" }, async ({ page, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await child.opensChat();
  await page.getByRole("link", { name: "Écrire un message" }).click();
  await child.field.fill("je ne sais pas comment le dire, mais");
  await counsellor.answers();
  await counsellor.writes("Prends ton temps.");
  expect(await page.locator("meta[http-equiv=refresh]").count(), "nothing takes away what she types").toBe(0);
  await expect(page.getByRole("link", { name: "Voir les nouveaux messages" })).toBeVisible();
  await child.page.locator(".composer-send").click();
  await child.reads(["Prends ton temps.", "je ne sais pas comment le dire, mais"]);
  await counsellor.goesHome();
});

test("the quick exit is a plain link", { tag: "@nojs" }, async ({ page, context, guard }) => {
  const child = new Child(page);
  await child.opensChat();
  await guard.leavesFor(page, "https://meteofrance.com/");
  await child.leavesQuickly();
  await expect(page).toHaveURL("https://meteofrance.com/");
  expect(await context.cookies(), "cookies").toEqual([]);
});
