// « Suis-je victime ? »: what a child answers stays on her phone, until she hands it over herself.
import { expect, expectAccessible, expectNoSideways, looksRight, looksRightEverywhere, picture, test } from "./vigie";
import { Child, Counsellor } from "./people";
import type { Page } from "@playwright/test";

/** Whatever a page can keep on a device, besides what the site itself keeps of its pages. */
function kept(page: Page): Promise<unknown> {
  return page.evaluate(async () => ({
    local: Object.entries(localStorage).filter(([, value]) => /acts|mocked|blackmail|quiz/.test(value)),
    session: sessionStorage.length,
    cookie: document.cookie,
    state: history.state as unknown,
    address: location.pathname + location.search + location.hash,
    databases: (await indexedDB.databases()).map(({ name }) => name),
  }));
}

/** Goes to the next thing that the keyboard reaches until it is the one with this name, and presses it. */
async function presses(page: Page, name: string | RegExp): Promise<void> {
  const wanted = page.locator("quiz-walk").getByRole("button", { name, exact: typeof name === "string" });
  for (let i = 0; i < 30 && !(await wanted.evaluate((button) => button === document.activeElement)); i += 1) await page.keyboard.press("Tab");
  await expect(wanted).toBeFocused();
  await page.keyboard.press("Enter");
}

/** Answers once more as in the first journey, with the thumb, and hands the answers over. */
async function takesAgain(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Commencer" }).click();
  for (const answer of ["On se moque de moi, on m'insulte", "Presque tous les jours", "Tout un groupe", "On menace de montrer une image intime de moi", "Continuer le quiz"]) {
    await page.getByRole("button", { name: answer }).click();
  }
  while (!(await page.locator("[data-tell]").count())) await page.getByRole("button", { name: "Je passe" }).click();
  await page.getByLabel("Raconter mes réponses à la personne qui me répond").check();
  await page.getByRole("button", { name: "Parle-nous" }).click();
  await expect(page.getByLabel("Raconter mes réponses")).toBeChecked();
}

test("a child takes the quiz by keyboard, sees at once who answers, and hands her answers to whoever answers her", { tag: ["@phone", "@dark"] }, async ({ page, context, someone, helpline }) => {
  test.setTimeout(150_000);
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  const head = page.locator("quiz-walk").getByRole("heading", { level: 1 });

  await test.step("she begins: nothing but the page is asked for", async () => {
    await page.goto("/quiz");
    await expect(page).toHaveTitle("Quiz · Vigie");
    await expect(head).toHaveText(/Suis-je victime/);
    await expect(page.getByText("Tes réponses restent sur cet écran.")).toBeVisible();
    await looksRight(page, "quiz-begin");
    await page.waitForLoadState("networkidle");
  });
  const asked: string[] = [];
  page.on("request", (request) => asked.push(`${request.method()} ${request.url()}`));

  await test.step("one question at a time, its answers at the thumb, read aloud as it comes", async () => {
    await presses(page, "Commencer");
    await expect(head).toHaveText(/Est-ce que quelqu'un te fait du mal/);
    await expect(head).toBeFocused();
    await expect(page.getByText("Question 1. Encore 11 au plus.")).toBeVisible();
    for (const answer of await page.locator(".quiz-answer").all()) expect((await answer.boundingBox())!.height).toBeGreaterThanOrEqual(48);
    const last = (await page.getByRole("button", { name: "Je passe" }).boundingBox())!;
    expect(last.y + last.height, "in the lowest part of the screen").toBeGreaterThan(page.viewportSize()!.height * 0.9);
    expect(last.y + last.height, "and on it").toBeLessThanOrEqual(page.viewportSize()!.height);
    await looksRight(page, "quiz-question");
    await presses(page, "On se moque de moi, on m'insulte");
    await presses(page, "Presque toutes les semaines");
    await presses(page, "Retour");
    await expect(head).toHaveText(/Ça arrive souvent/);
    await expect(page.locator("[aria-pressed=true]")).toHaveText("Presque toutes les semaines");
    await presses(page, "Presque tous les jours");
    await presses(page, "Tout un groupe");
  });

  await test.step("a grave answer: who answers now comes before anything else", async () => {
    await presses(page, "On menace de montrer une image intime de moi");
    await expect(head).toHaveText(/Merci de l'avoir dit/);
    await expect(head).toBeFocused();
    await expect(page.locator(".number").first()).toHaveAttribute("href", "tel:17");
    await expect(page.locator(".number[href='tel:3114']")).toBeVisible();
    await expect(page.locator("quiz-walk").getByRole("link", { name: "Parle-nous" })).toHaveAttribute("href", "/chat?who=young");
    await looksRight(page, "quiz-grave");
    await presses(page, "Continuer le quiz");
  });

  await test.step("the end says what to do, and nothing was kept or sent", async () => {
    while (!(await page.locator("[data-tell]").count())) await presses(page, "Je passe");
    await expect(head).toHaveText("C'est grave, et tu as besoin d'aide");
    await expect(page.locator(".number[href='tel:17']")).toBeVisible();
    await expect(page.getByRole("link", { name: "On te fait du chantage avec une image" })).toBeVisible();
    await expect(page.locator("[name=quiz]")).not.toBeChecked();
    await looksRight(page, "quiz-end");
    expect(asked, "no request while she answers").toEqual([]);
    expect(await kept(page)).toEqual({ local: [], session: 0, cookie: "", state: null, address: "/quiz", databases: [] });
    expect(await context.cookies()).toEqual([]);
  });

  await test.step("she ticks, and the first questions show what goes with her", async () => {
    await page.getByLabel("Raconter mes réponses à la personne qui me répond").check();
    await presses(page, "Parle-nous");
    await expect(page.getByRole("heading", { name: "On est là" })).toBeVisible();
    expect(new URL(page.url()).search, "nothing of it in the address").toBe("");
    await expect(page.getByLabel("Raconter mes réponses")).toBeChecked();
    await expect(page.getByLabel("Un enfant ou un ado")).toBeChecked();
    await page.getByText("Voir ce qui part").click();
    await expect(page.locator(".told")).toContainText("On menace de montrer une image intime de moi");
    await picture(page, "quiz-told");
    await expectAccessible(page);
    await expectNoSideways(page);
    // A reload posts nothing again: what she brought is in no history.
    await page.reload();
    await expect(page.getByLabel("Raconter mes réponses")).toHaveCount(0);
    await page.goBack();
    await takesAgain(page);
    await page.getByRole("button", { name: "Parler à quelqu'un" }).click();
    await expect(page.getByRole("heading", { name: "Tu es dans la file" })).toBeVisible();
    await expect(child.log).toContainText("Mes réponses au quiz");
    await expect(page.locator(".number[href='tel:17']")).toBeVisible();
  });

  await test.step("her counsellor reads them, with why it is urgent and what to do", async () => {
    await counsellor.answers();
    await expect(counsellor.talk).toContainText("On se moque de moi, on m'insulte");
    await expect(counsellor.talk).toContainText("On menace de montrer une image intime de moi");
    await expect(counsellor.form.locator(".protocols > .protocol", { hasText: "Sextorsion" })).toBeVisible();
    await picture(counsellor.page, "quiz-desk");
    await child.isWith("Camille");
    expect((await child.messages()).filter((text) => text.startsWith("Mes réponses")), "once").toHaveLength(1);
  });

  await test.step("whoever takes the phone after her and goes back finds no answer", async () => {
    await page.goBack();
    await page.goBack();
    await page.waitForURL(/\/quiz$/);
    await expect(page.getByRole("button", { name: "Commencer" })).toBeVisible();
    await page.getByRole("button", { name: "Commencer" }).click();
    await expect(page.locator("[aria-pressed=true]")).toHaveCount(0);
  });

  expect(helpline.log(), "no answer is logged").not.toMatch(/blackmail|mocked|menace de montrer/);
  await counsellor.goesHome();
});

test("without her tick nothing goes with her", { tag: "@phone" }, async ({ page }) => {
  const child = new Child(page);
  await page.goto("/quiz");
  await page.getByRole("button", { name: "Commencer" }).click();
  await page.getByRole("button", { name: "On raconte des choses sur moi" }).click();
  while (!(await page.locator("[data-tell]").count())) await page.getByRole("button", { name: "Je passe" }).click();
  await expect(page.locator("quiz-walk").getByRole("heading", { level: 1 })).toHaveText("Fais confiance à ce que tu ressens");
  await expect(page.locator(".number")).toHaveCount(0);
  await page.getByRole("button", { name: "Parle-nous" }).click();
  await expect(page).toHaveURL(/\/chat\?who=young$/);
  await expect(page.getByLabel("Raconter mes réponses")).toHaveCount(0);
  await page.getByRole("button", { name: "Parler à quelqu'un" }).click();
  await expect(page.getByRole("heading", { name: "Tu es dans la file" })).toBeVisible();
  expect(await child.messages()).toEqual([]);
});

test("the quick exit leaves no answer behind", { tag: "@phone" }, async ({ page, guard }) => {
  await guard.leavesFor(page, "https://meteofrance.com/");
  await page.goto("/quiz");
  await page.getByRole("button", { name: "Commencer" }).click();
  await page.getByRole("button", { name: "On me met à l'écart exprès" }).click();
  await page.locator("[data-exit]").click();
  await expect(page).toHaveTitle("elsewhere");
  await page.goto("/quiz");
  await page.getByRole("button", { name: "Commencer" }).click();
  await expect(page.locator("[aria-pressed=true]")).toHaveCount(0);
});

test("a parent is asked about her child, in English too", { tag: "@desk" }, async ({ page }) => {
  await page.goto("/en/quiz/parents");
  await page.getByRole("button", { name: "Begin" }).click();
  await expect(page.locator("quiz-walk").getByRole("heading", { level: 1 })).toHaveText("Do you see a change in your child?");
  await looksRightEverywhere(page, "quiz-parent");
  while (!(await page.getByRole("button", { name: "I don't know where my child is" }).count())) await page.getByRole("button", { name: "I pass" }).click();
  await expect(page.getByText("It is the last one.")).toBeVisible();
  await page.getByRole("button", { name: "I don't know where my child is" }).click();
  await expect(page.locator(".number").first()).toHaveAttribute("href", "tel:119");
  await expect(page.getByRole("link", { name: "Talk to us" })).toHaveAttribute("href", "/en/chat?who=parent");
});

test("without JavaScript all of it is there to read, with who answers now beside what is grave", { tag: "@nojs" }, async ({ page }) => {
  for (const path of ["/quiz", "/quiz/parents"]) {
    await page.goto(path);
    await expect(page.locator(".quiz-one")).toHaveCount(path === "/quiz" ? 12 : 10);
    await expect(page.locator(".quiz-chips").first()).toContainText("17");
    await expect(page.getByRole("button", { name: "Commencer" })).toBeHidden();
    await expect(page.locator("form")).toHaveCount(0);
    await expectNoSideways(page);
    await expectAccessible(page);
    await picture(page, path === "/quiz" ? "quiz-paper" : "quiz-paper-parents");
  }
});
