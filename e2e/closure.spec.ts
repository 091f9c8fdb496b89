// A supervisor closes the line for a while: who comes reads why, and who answers now; who waits is answered
// all the same, or has her place become a message; and the line opens again.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Child, Counsellor, phone } from "./people";
import { childWaits, counsellorReady, logsIn } from "./staff";
import type { Page } from "@playwright/test";

/** As a supervisor on the floor, closes the line for half an hour. */
async function closes(floor: Page, why: string): Promise<void> {
  await floor.goto("/desk/floor");
  await floor.getByLabel("Fermer la ligne").selectOption({ label: "Pendant 30 minutes" });
  await floor.getByLabel("Ce que lisent les visiteurs").selectOption({ label: why });
  await floor.getByRole("button", { name: "Fermer", exact: true }).click();
  await expect(floor.locator("#floor-closed")).toContainText("La ligne est fermée jusqu'au");
  await expect(floor.locator("#floor-closed")).toContainText(why);
}

async function reopens(floor: Page): Promise<void> {
  await floor.getByRole("button", { name: "Rouvrir maintenant" }).click();
  await expect(floor.locator("#floor-closed")).toBeEmpty();
}

/** The messages that were left, taken and closed by a counsellor, so that the next test finds an empty line. */
async function readsWhatWasLeft(counsellor: Counsellor, words: string): Promise<void> {
  await counsellor.page.locator("#line li", { hasText: "Prendre" }).first().getByRole("button", { name: "Prendre" }).click();
  await counsellor.reads([words]);
  await counsellor.goesHome();
}

test("a supervisor closes the line: a child reads why and who answers now, and leaves a message; who waits is answered; it opens again", { tag: ["@phone", "@small"] }, async ({ page, someone }) => {
  test.slow();
  const floor = await someone();
  await logsIn(floor, "dominique");
  const waiting = await childWaits(someone);
  await waiting.hears();
  await closes(floor, "On a un problème technique. On répare.");
  await picture(floor, "floor-closed");
  await expectAccessible(floor);

  // Somebody who comes now.
  await page.goto("/");
  await expect(page.getByText("C'est fermé pour l'instant. On rouvre")).toBeVisible();
  await page.goto("/chat");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("On fait une pause, mais d'autres veillent");
  await expect(page.getByText("On a un problème technique. On répare.")).toBeVisible();
  const order = await page.locator("main").locator("a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  expect(order.slice(0, -1).every((href) => /^(tel|sms):/.test(href ?? "")), `numbers first: ${order.join(" ")}`).toBe(true);
  await picture(page, "closure");
  await expectNoSideways(page);
  await expectAccessible(page);
  await page.getByRole("link", { name: "Nous laisser un message" }).click();
  await page.getByLabel("Ton message").fill("On m'insulte dans un groupe.");
  await page.getByRole("button", { name: "Envoyer le message" }).click();
  await expect(page.getByRole("heading", { name: "Ton message est bien arrivé" })).toBeVisible();

  // Who waited before is told so where she is, with the numbers, and is promised no turn; and is answered.
  await expect(waiting.state).toContainText("On a fermé");
  await expect(waiting.state).toContainText("Si quelqu'un de l'équipe est encore là, on te répond ici.");
  await expect(waiting.state).not.toContainText("bientôt ton tour");
  await expect(waiting.state.locator(".number").first()).toBeVisible();
  await picture(waiting.page, "closure-waiting");
  await expectNoSideways(waiting.page);
  await expectAccessible(waiting.page);
  const counsellor = await counsellorReady(someone, "camille");
  await counsellor.accepts();
  await waiting.isWith("Camille");
  await waiting.writes("merci d'être là");
  await expect(counsellor.bubble("merci d'être là")).toBeVisible();
  await waiting.saysGoodbye();
  await counsellor.goesHome();

  await reopens(floor);
  await page.goto("/");
  await expect(page.getByRole("link", { name: "Parler par chat" })).toBeVisible();
  const late = await someone(phone);
  await late.goto("/chat");
  await expect(late.getByRole("heading", { name: "On est là" })).toBeVisible();
  await counsellor.page.goto("/desk");
  await readsWhatWasLeft(counsellor, "On m'insulte dans un groupe.");
});

test("a place in a line that was closed becomes a message: a kind goodbye says what comes next, and four words bring her to the answer", { tag: ["@phone", "@nojs"] }, async ({ page, someone }) => {
  test.slow();
  const child = new Child(page);
  const floor = await someone();
  await logsIn(floor, "dominique");
  await child.opensChat();
  // Without scripts the page that refreshes itself takes no words: there is another to write on.
  if (test.info().project.name === "nojs") await page.goto("/chat?write");
  await child.writes("Il menace de tout envoyer à ma classe.");
  await expect(child.bubble("Il menace de tout envoyer")).toBeVisible();
  await closes(floor, "On est trop nombreux en ce moment. On rouvre bientôt.");

  if (test.info().project.name === "nojs") await page.goto("/chat");
  await expect(child.state).toContainText("On a fermé");
  await expect(child.state).toContainText("Ce que tu as écrit est gardé. Tu n'as plus à attendre ici.");
  await page.getByRole("button", { name: "Me répondre à l'ouverture" }).click();
  await expect(page.getByRole("heading", { name: "Ton message est bien arrivé" })).toBeVisible();
  await expect(page.locator(".lead")).toContainText("On le lira à l'ouverture. Garde tes 4 mots : ils servent à revenir.");
  await page.getByRole("button", { name: "Voir mes 4 mots" }).click();
  await expect(page.locator(".words-word")).toHaveCount(4);
  const words = await page.locator(".words-word").allInnerTexts();
  await picture(page, "closure-goodbye");
  await expectNoSideways(page);
  await expectAccessible(page);
  await page.goto("/chat");
  await expect(page.getByText("Ton message est bien là. On le lit dès qu'on ouvre")).toBeVisible();
  await expect(page.locator("#letter-log")).toContainText("Il menace de tout envoyer à ma classe.");

  // Nobody is rung for her; a counsellor reads it when the line is open again, and answers.
  await reopens(floor);
  const counsellor = await counsellorReady(someone, "camille");
  await expect(counsellor.page.locator("#line li")).toHaveCount(1);
  await expect(counsellor.ring).toHaveCount(0);
  await counsellor.page.locator("#line").getByRole("button", { name: "Prendre" }).click();
  await counsellor.reads(["Il menace de tout envoyer à ma classe."]);
  await counsellor.writes("Tu as bien fait de nous écrire. Ne paie pas.");
  await expect(counsellor.bubble("Tu as bien fait de nous écrire.")).toBeVisible();
  await counsellor.saysGoodbye();

  const back = new Child(await someone(phone));
  await back.comesBackWith(words.join(" "));
  await expect(back.page.getByText("On a lu ton message. Voici notre réponse.")).toBeVisible();
  await expect(back.page.locator("#letter-log")).toContainText("Tu as bien fait de nous écrire. Ne paie pas.");
  await expect(back.page.locator("body"), "her own words wait until she is alone").not.toContainText("à ma classe");
  await counsellor.goesHome();
});
