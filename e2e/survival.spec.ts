// What a conversation survives: a reload, a lost network, a dead server, a second tab. Nothing that was
// acknowledged is lost, nothing is shown twice, and both sides read the same in the same order.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Child, Counsellor, inConversation } from "./people";

const hello = ["Bonjour", "Bonjour, je suis là."];

test("a reload in the middle of it loses nothing, on either side", async ({ page, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);

  await page.reload();
  await child.reads(hello);
  await child.writes("Je suis encore là");
  await expect(counsellor.bubble("Je suis encore là")).toBeVisible();

  await counsellor.page.reload();
  await counsellor.reads([...hello, "Je suis encore là"]);
  await counsellor.writes("Moi aussi");
  await child.reads([...hello, "Je suis encore là", "Moi aussi"]);
  await expect(counsellor.bubble("Moi aussi").locator(".delivery:visible")).toHaveText("vu");
  await expect(child.bubble("Je suis encore là").locator(".delivery:visible")).toHaveText("vu");

  await picture(page, "talking");
  await expectNoSideways(page);
  await expectAccessible(page);
  await counsellor.goesHome();
});

test("a child whose network goes reads, once it is back, all that was said meanwhile, and what she wrote is sent", async ({ page, context, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);

  // On a machine without a network the browser is offline from the start, and says nothing when it goes.
  const toldAlready = await page.evaluate(() => !navigator.onLine);
  await context.setOffline(true);
  if (toldAlready) await page.evaluate(() => dispatchEvent(new Event("offline")));
  await child.writes("Tu m'entends ?");
  await child.writes("Je crois que je n'ai plus de réseau");
  await expect(child.bubble("Tu m'entends ?")).toContainText("pas encore parti, on réessaie");
  await counsellor.writes("Je ne te vois plus.");
  await counsellor.writes("Je reste là.");
  await counsellor.reads([...hello, "Je ne te vois plus.", "Je reste là."]);
  await expect(counsellor.bubble("Je reste là.").locator(".delivery:visible")).toHaveText("envoyé");
  await expect(page.locator("[data-live-status]")).toContainText("rien n'est perdu, tu peux continuer à écrire");
  await picture(page, "offline");
  await expectAccessible(page);

  await context.setOffline(false);
  const all = [...hello, "Je ne te vois plus.", "Je reste là.", "Tu m'entends ?", "Je crois que je n'ai plus de réseau"];
  await counsellor.reads(all);
  await child.reads(all);
  await expect(page.locator("[data-live-status]")).toContainText("Connexion rétablie");
  await page.reload();
  await child.reads(all);
  await counsellor.goesHome();
});

test("a child with two tabs reads the same in both, and a goodbye in one ends the other", async ({ page, context, someone }) => {
  const one = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(one, counsellor);
  const two = new Child(await context.newPage());
  await two.page.goto("/chat");
  await two.reads(hello);

  await one.writes("du premier onglet");
  await expect(two.bubble("du premier onglet")).toBeVisible();
  await two.writes("du deuxième onglet");
  await counsellor.writes("Je lis les deux.");
  const all = [...hello, "du premier onglet", "du deuxième onglet", "Je lis les deux."];
  for (const tab of [one, two]) {
    await tab.reads(all);
    await expect(tab.bubble("du premier onglet").locator(".delivery:visible")).toHaveText("vu");
    await expect(tab.bubble("du deuxième onglet").locator(".delivery:visible")).toHaveText("vu");
  }
  await counsellor.reads(all);

  await two.saysGoodbye();
  for (const tab of [one, two]) await expect(tab.page.getByRole("heading", { name: "La conversation est terminée" })).toBeVisible();
  await counsellor.goesHome();
});

test("a counsellor with two tabs takes it in one, and has it once in both", async ({ page, someone }) => {
  const child = new Child(page);
  const one = new Counsellor(await someone());
  await child.opensChat();
  await child.writes("Bonjour");
  await one.logsIn("camille");
  const two = new Counsellor(await one.page.context().newPage());
  await two.page.goto("/desk");
  await two.hears();
  await one.becomes("available");
  await expect(two.ring).toHaveCount(1);

  await one.accepts();
  await expect(two.ring).toHaveCount(0);
  await two.reads(["Bonjour"]);
  await two.writes("Bonjour, je suis là.");
  await child.writes("Merci");
  await one.writes("Raconte-moi.");
  for (const reader of [one, two, child]) await reader.reads([...hello, "Merci", "Raconte-moi."]);
  await expect(two.page.locator("#mine li")).toHaveCount(1);

  await two.saysGoodbye();
  await expect(one.talk).toContainText("Il reste la fiche");
  await one.goesHome();
});

test("the server dies while they talk: both come back by themselves, and everything that was acknowledged is there once", async ({ page, someone, helpline }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);
  const before = ["un", "deux", "trois", "quatre"];
  for (const words of before) await child.writes(words);
  await expect(child.bubble("quatre")).toContainText(/envoyé|reçu|vu/);

  await helpline.crash(async () => {
    await child.writes("pendant la panne");
    await counsellor.writes("Je t'ai lu.");
    await expect(child.bubble("pendant la panne")).toContainText("pas encore parti, on réessaie");
    await expect(counsellor.bubble("Je t'ai lu.")).toContainText("pas encore parti, on réessaie");
  });

  await expect(counsellor.bubble("pendant la panne")).toBeVisible({ timeout: 20_000 });
  await expect(child.bubble("Je t'ai lu.")).toBeVisible({ timeout: 20_000 });
  const all = await counsellor.messages();
  expect(all.slice(0, 6)).toEqual([...hello, ...before]);
  expect(all.slice(6).sort()).toEqual(["Je t'ai lu.", "pendant la panne"]);
  await child.reads(all);
  await child.hears();
  await counsellor.hears();
  await page.reload();
  await child.reads(all);

  await child.writes("et après");
  await counsellor.reads([...all, "et après"]);
  await counsellor.goesHome();
});

test("a message whose answer is lost on the way is sent again, and is one message", async ({ page, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);

  const ids: string[] = [];
  await page.route("**/chat/messages", async (route) => {
    ids.push(new URLSearchParams(route.request().postData() ?? "").get("message_id") ?? "");
    if (ids.length > 1) return route.continue();
    await route.fetch(); // it arrived; she does not learn it
    await route.abort();
  });
  await child.writes("Il m'a encore écrit");
  await expect(child.bubble("Il m'a encore écrit").locator(".delivery:visible")).toHaveText("vu");
  await expect(async () => expect(ids).toHaveLength(2)).toPass();
  expect(ids[0]).toBe(ids[1]);
  await counsellor.reads([...hello, "Il m'a encore écrit"]);
  await child.reads([...hello, "Il m'a encore écrit"]);
  await page.reload();
  await child.reads([...hello, "Il m'a encore écrit"]);
  await counsellor.goesHome();
});

test("a child who closes the page in the middle of a sentence has not sent it, and finds the rest again", async ({ page, context, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);

  await child.field.pressSequentially("En fait il m'a dem");
  await expect(counsellor.talk.locator(".typing")).toContainText("écrit");
  await page.close({ runBeforeUnload: true });
  await expect(counsellor.talk.locator(".typing")).toHaveText("");
  await counsellor.writes("Prends ton temps.");

  const back = new Child(await context.newPage());
  await back.page.goto("/");
  await back.page.locator('main a[href="/chat"]').first().click();
  await back.reads([...hello, "Prends ton temps."]);
  await expect(back.field).toHaveValue("");
  await back.writes("Il m'a demandé mon adresse");
  await counsellor.reads([...hello, "Prends ton temps.", "Il m'a demandé mon adresse"]);
  await counsellor.goesHome();
});
