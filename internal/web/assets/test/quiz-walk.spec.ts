import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "./stage";

const [{ quiz }] = JSON.parse(readFileSync(join(import.meta.dirname, "quiz.json"), "utf8")) as [{ quiz: { questions: { code: string; text: string }[]; bands: { code: string; title: string }[] } }];
const text = (code: string): string => quiz.questions.find((q) => q.code === code)!.text;
const title = (band: string): string => quiz.bands.find((b) => b.code === band)!.title;

/** The page as the house writes it, without its clothes. */
const page = `<quiz-walk data-step="Question #." data-left="Encore # au plus." data-last="La dernière.">
  <div data-begin><h1>Quiz</h1><div data-go hidden><button type="button" data-do="begin">Commencer</button></div></div>
  <div data-paper>toutes les questions</div>
  <template data-question><section><p id="quiz-count" data-count></p><h1 tabindex="-1" aria-describedby="quiz-count" data-head></h1><p id="quiz-hint" data-hint></p>
    <ul data-answers></ul><button type="button" data-do="back">Retour</button><button type="button" data-do="pass">Je passe</button></section></template>
  <template data-answer><li><button type="button" data-do="answer"><span data-text></span></button></li></template>
  <template data-grave><section><h1 tabindex="-1" data-head>Merci</h1><div data-numbers></div><button type="button" data-do="ask-again">Retour</button><button type="button" data-do="on">Continuer</button></section></template>
  <template data-end><section><h1 tabindex="-1" data-head></h1><p data-text></p><section data-help><div data-numbers></div></section>
    <form method="post" action="/chat" data-tell data-chat="/elsewhere"><input type="hidden" name="message_id"><label data-tick><input type="checkbox" name="quiz"> Raconter</label><button>Parle-nous</button></form>
    <nav data-read><ul data-guides></ul></nav><button type="button" data-do="back">Retour</button><button type="button" data-do="over">Tout effacer</button></section></template>
  <template data-danger="sextortion"><a href="tel:17">17</a><a href="tel:112">112</a><a href="/guides/sextortion" data-guide>Chantage</a></template>
  <template data-danger="suicide"><a href="tel:3114">3114</a><a href="tel:112">112</a></template>
  <script type="application/json" id="quiz-data">${JSON.stringify(quiz)}</script>
</quiz-walk>`;

test("one question at a time, by keyboard, forwards and back", async ({ page: tab, stage }) => {
  await stage.show(tab, "quiz.js", page);
  await expect(tab.getByText("toutes les questions")).toHaveCount(0);
  await tab.getByRole("button", { name: "Commencer" }).focus();
  await tab.keyboard.press("Enter");
  const head = tab.getByRole("heading", { level: 1 });
  await expect(head).toHaveText(text("acts"));
  await expect(head, "a screen reader reads the question").toBeFocused();
  await expect(tab.getByText("Question 1. Encore 11 au plus.")).toBeVisible();
  await tab.keyboard.press("Tab");
  await tab.keyboard.press("Enter"); // "no, not really"
  await expect(head).toHaveText(text("images"));
  await expect(tab.getByText("Question 2. Encore 8 au plus.")).toBeVisible();
  await expect(head).toBeFocused();
  await tab.getByRole("button", { name: "Retour" }).click();
  await expect(head).toHaveText(text("acts"));
  await expect(tab.locator("[aria-pressed=true]")).toHaveText("Non, pas vraiment");
  await tab.getByRole("button", { name: "On se moque de moi" }).click();
  await expect(head, "another answer opens other questions").toHaveText(text("often"));
  await tab.getByRole("button", { name: "Retour" }).click();
  await tab.getByRole("button", { name: "Retour" }).click();
  await expect(tab.getByRole("button", { name: "Commencer" })).toBeFocused();
});

test("a grave answer shows at once who answers, and once more at the end; all of it is gone with the page", async ({ page: tab, stage }) => {
  await stage.show(tab, "quiz.js", page);
  const asked: string[] = [];
  tab.on("request", (request) => asked.push(request.url()));
  await tab.getByRole("button", { name: "Commencer" }).click();
  const head = tab.getByRole("heading", { level: 1 });
  for (let at = 1; at <= 2; at += 1) await tab.getByRole("button", { name: "Je passe" }).click();
  await expect(head).toHaveText(text("threats"));
  await tab.getByRole("button", { name: "On me dit de mourir" }).click();
  await expect(head).toHaveText("Merci");
  await expect(head).toBeFocused();
  await expect(tab.locator("a[href^='tel:']")).toHaveText(["3114", "112"]);
  await tab.getByRole("button", { name: "Retour" }).click();
  await expect(head, "back to what she had answered").toHaveText(text("threats"));
  await tab.getByRole("button", { name: "On me dit de mourir" }).click();
  await tab.getByRole("button", { name: "Continuer" }).click();
  await expect(head).toHaveText(text("adult"));
  while (!(await tab.locator("[data-tell]").count())) await tab.getByRole("button", { name: "Je passe" }).click();
  await expect(head).toHaveText(title("alarming"));
  await expect(tab.locator("a[href^='tel:']")).toHaveText(["3114", "112"]);

  // Without her tick nothing of it goes anywhere.
  expect(asked, "nothing is asked of anybody").toEqual([]);
  expect(await tab.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie, history.length, location.pathname + location.search + location.hash])).toEqual([0, 0, "", 2, "/"]);
  await tab.evaluate(() => window.dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
  await expect(tab.getByRole("button", { name: "Commencer" })).toBeVisible();
  await tab.getByRole("button", { name: "Commencer" }).click();
  await expect(tab.locator("[aria-pressed=true]")).toHaveCount(0);
  expect(stage.posts).toEqual([]);
});

test("her answers are told only with her tick", async ({ page: tab, stage }) => {
  const begins = async (): Promise<void> => {
    await stage.show(tab, "quiz.js", page);
    await tab.getByRole("button", { name: "Commencer" }).click();
    await tab.getByRole("button", { name: "On raconte des choses sur moi" }).click();
    while (!(await tab.locator("[data-tell]").count())) await tab.getByRole("button", { name: "Je passe" }).click();
    await expect(tab.getByRole("heading", { level: 1 })).toHaveText(title("calm"));
    await expect(tab.locator("a[href^='tel:']")).toHaveCount(0);
  };
  await begins();
  await expect(tab.getByLabel("Raconter")).not.toBeChecked();
  await tab.getByRole("button", { name: "Parle-nous" }).click();
  await expect(tab).toHaveURL(/\/elsewhere$/);
  expect(stage.posts).toEqual([]);
  await begins();
  await tab.getByLabel("Raconter").check();
  stage.answer = () => ({ status: 200, type: "text/html", body: "<!doctype html><title>chat</title>chat" });
  await tab.getByRole("button", { name: "Parle-nous" }).click();
  await expect(tab.getByText("chat")).toBeVisible();
  expect(stage.of("/chat")).toEqual([{ quiz: "young acts.rumours", message_id: expect.stringMatching(/^[0-9a-f-]{36}$/) }]);
});

test("who passes over everything has nothing to tell, and may talk", async ({ page: tab, stage }) => {
  await stage.show(tab, "quiz.js", page);
  await tab.getByRole("button", { name: "Commencer" }).click();
  while (!(await tab.locator("[data-tell]").count())) await tab.getByRole("button", { name: "Je passe" }).click();
  await expect(tab.getByRole("heading", { level: 1 })).toHaveText(title("calm"));
  await expect(tab.getByLabel("Raconter")).toHaveCount(0);
  await expect(tab.getByRole("button", { name: "Parle-nous" })).toBeVisible();
  await tab.getByRole("button", { name: "Tout effacer" }).click();
  await expect(tab.getByRole("button", { name: "Commencer" })).toBeFocused();
});
