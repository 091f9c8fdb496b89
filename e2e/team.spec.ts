// Colleagues: a hand raised and taken, a word to the whole team, the team room.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Counsellor } from "./people";
import { counsellorReady, logsIn, talking } from "./staff";

test("a hand is raised with one key, one of two supervisors comes, and the counsellor reads who", { tag: "@desk" }, async ({ page, someone }) => {
  test.slow();
  const { child, counsellor } = await talking(someone);
  const one = new Counsellor(page);
  await one.logsIn("dominique");
  const other = new Counsellor(await someone());
  await other.logsIn("morgane");
  for (const desk of [one, other]) await desk.hears();

  await counsellor.page.keyboard.press("Alt+l");
  const mine = counsellor.page.locator("#team-mine");
  await expect(mine).toContainText("Votre main est levée : un avis.");
  await mine.getByRole("button", { name: "un danger" }).click();
  await expect(mine).toContainText("Votre main est levée : un danger.");
  await picture(counsellor.page, "hand-mine");
  await expectAccessible(counsellor.page);

  const hand = (desk: Counsellor) => desk.page.locator("#team-top .alert");
  for (const desk of [one, other]) await expect(hand(desk)).toContainText("Camille lève la main : un danger");
  await expect(page).toHaveTitle(/^● /);
  await expect(hand(one).getByRole("link", { name: "Lire" })).toBeVisible();
  await picture(page, "hand-rings");
  await expectAccessible(page);
  await page.goto("/desk/floor");
  await expect(hand(one), "and at her floor").toContainText("Camille lève la main");
  await hand(one).getByRole("button", { name: "J'y vais" }).click();
  await expect(hand(one)).toContainText("Vous y allez.");
  await expect(hand(other)).toContainText("Dominique y va.");
  await expect(mine).toContainText("Dominique arrive.");
  await picture(counsellor.page, "hand-comes");

  await counsellor.page.reload();
  await expect(mine, "after a reload").toContainText("Dominique arrive.");
  await mine.getByRole("button", { name: "Baisser la main" }).click();
  await expect(mine).toHaveCount(0);
  for (const desk of [one, other]) await expect(hand(desk)).toHaveCount(0);

  // A contact that is over takes its hand down.
  await counsellor.talk.getByRole("button", { name: "Lever la main" }).click();
  await expect(mine).toBeVisible();
  await child.saysGoodbye();
  await counsellor.goesHome();
  await expect(mine).toHaveCount(0);
});

test("a word to the team stands until it is read, and who has read it is known; it is withdrawn from every screen", { tag: "@desk" }, async ({ page, someone }) => {
  test.slow();
  const counsellor = await counsellorReady(someone, "camille");
  const noe = new Counsellor(await someone());
  await noe.logsIn("noe");
  await logsIn(page, "dominique");
  await page.goto("/desk/team");
  await page.locator("#team-notice-new > summary").click();
  await page.getByLabel("Annonce", { exact: true }).fill("La ligne du 119 ne répond pas. Passez par l'astreinte du département.");
  await page.locator("#team-notice-new input[value=urgent]").check({ force: true });
  await picture(page, "notice-form");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Afficher sur les postes" }).click();
  await expect(page.locator("#team-notices .team-notice")).toContainText("Personne ne l'a encore lue.");

  const standing = (desk: Counsellor) => desk.page.locator("#team-top .alert");
  for (const desk of [counsellor, noe]) await expect(standing(desk)).toContainText("La ligne du 119 ne répond pas.");
  await picture(counsellor.page, "notice-stands");
  await expectAccessible(counsellor.page);
  await standing(counsellor).getByRole("button", { name: "J'ai lu" }).click();
  await expect(standing(counsellor)).toHaveCount(0);
  await counsellor.page.reload();
  await expect(standing(counsellor)).toHaveCount(0);
  await page.reload();
  await expect(page.locator("#team-notices")).toContainText("Lu par 1 personne : Camille.");
  await picture(page, "notice-read");
  await page.getByRole("button", { name: "Retirer l'annonce" }).click();
  await expect(standing(noe)).toHaveCount(0);
  await expect(page.locator("#team-past")).toContainText("1 annonce passée");
});

test("colleagues write in the team room: live, with a name called, and taken away by a supervisor", { tag: "@desk" }, async ({ page, someone }) => {
  const camille = new Counsellor(page);
  await camille.logsIn("camille");
  await page.goto("/desk/team");
  const noe = new Counsellor(await someone());
  await noe.logsIn("noe");
  await noe.hears();
  const write = page.getByRole("textbox", { name: "Écrire à l'équipe" });
  await write.fill("@Noé tu as la fiche Snapchat ? Dossier V-7K4M-29.");
  await write.press("Enter");
  const said = (desk: Counsellor) => desk.page.locator("#team-log .team-said", { hasText: "fiche Snapchat" });
  await expect(said(camille)).toHaveCount(1);
  await expect(noe.page.locator(".presence-end a[href='/desk/team']")).toContainText("1");
  await noe.page.goto("/desk/team");
  await expect(said(noe)).toHaveClass(/team-named/);
  await expect(said(noe).locator("a"), "no file of that name is hers to open").toHaveCount(0);
  await expect(noe.page.locator("live-stream")).toHaveAttribute("data-state", "open");
  await page.locator("live-stream[data-state=open]").waitFor({ state: "attached" });
  const answer = noe.page.getByRole("textbox", { name: "Écrire à l'équipe" });
  await answer.fill("Oui, dans les réponses prêtes.");
  await answer.press("Enter");
  await expect(page.locator("#team-log")).toContainText("dans les réponses prêtes");
  await picture(page, "team-room");
  await expectAccessible(page);

  const dominique = await someone();
  await logsIn(dominique, "dominique");
  await dominique.goto("/desk/team");
  await dominique.locator("#team-log .team-said", { hasText: "réponses prêtes" }).getByRole("button", { name: "Retirer" }).click();
  await expect(page.locator("#team-log")).toContainText("Message retiré par Dominique.");

  const alix = await someone();
  await logsIn(alix, "alix");
  expect((await alix.goto("/desk/team"))?.status()).toBe(403);
});

test("the team room and the offers on a phone, and at night", { tag: ["@small", "@dark"] }, async ({ page }) => {
  await logsIn(page, "camille");
  await page.goto("/desk/team");
  await page.getByRole("textbox", { name: "Écrire à l'équipe" }).fill("Je prends une pause à 16 h.");
  await page.getByRole("textbox", { name: "Écrire à l'équipe" }).press("Enter");
  await expect(page.locator("#team-log .team-said").last()).toContainText("16 h");
  await picture(page, "team-room");
  await expectNoSideways(page);
  await expectAccessible(page);
  await page.goto("/desk");
  await page.locator("live-stream[data-state=open]").waitFor({ state: "attached" });
  await page.locator(".presence .team-raise button").click();
  await expect(page.locator("#team-mine")).toBeVisible();
  await picture(page, "hand-mine");
  await expectNoSideways(page);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Baisser la main" }).click();
});
