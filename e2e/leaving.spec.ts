// Leaving: at once, by the button or by Shift three times, so that whoever comes into the room sees a
// neutral page; or with a goodbye, from either side. What a child in danger leaves behind stays.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Child, Counsellor, inConversation } from "./people";

const neutral = "https://meteofrance.com/";

test("the button clears the page at once, and leads to the neutral site however slow that is", async ({ page, guard, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);
  let arrive = () => {};
  await guard.leavesFor(page, neutral, new Promise<void>((arrived) => (arrive = arrived)));

  const told = page.waitForEvent("console", (message) => message.text() === "told");
  await page.evaluate(() => document.addEventListener("vigie:over", () => console.log("told")));
  const seen = await page.evaluate(() => {
    document.querySelector<HTMLElement>("[data-exit]")?.click();
    const main = document.querySelector("main")!;
    return { title: document.title.trim(), words: main.checkVisibility(), cover: document.querySelector(".quick-exit-cover")!.checkVisibility() };
  });
  expect(seen, "in the same moment").toEqual({ title: "", words: false, cover: true });
  // Her page is told that she has left, like any that shows this conversation, and must not come back for that.
  await expect(counsellor.talk).toContainText("Partie vite");
  await told;
  arrive();
  await expect(page).toHaveURL(neutral);
  await expect(page).toHaveTitle("elsewhere");
  await counsellor.goesHome();
});

test("it takes cache and cookies with it and leaves what she keeps on her device", async ({ page, context, guard }) => {
  const child = new Child(page);
  await child.opensChat();
  await guard.leavesFor(page, neutral);
  await page.evaluate(async () => {
    localStorage.setItem("vault", "kept");
    await new Promise((done) => (indexedDB.open("vault").onsuccess = done));
  });
  const quit = page.waitForResponse("**/quit");
  await child.leavesQuickly();
  expect((await (await quit).allHeaders())["clear-site-data"]).toBe('"cache", "cookies"');
  await expect(page).toHaveURL(neutral);
  expect(await context.cookies(), "cookies").toEqual([]);

  await page.goto("/");
  expect(await page.evaluate(() => localStorage.getItem("vault"))).toBe("kept");
  expect(await page.evaluate(async () => (await indexedDB.databases()).map((kept) => kept.name))).toEqual(["vault"]);
  await page.goto("/chat");
  await expect(page.getByRole("heading", { name: "On est là" })).toBeVisible();
});

test("at the desk she left quickly and her contact stays open; her four words bring her back to the same counsellor", async ({ page, guard, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);
  const words = await child.asksForWords();
  await guard.leavesFor(page, neutral);
  await child.leavesQuickly();
  await expect(page).toHaveURL(neutral);
  await expect(counsellor.talk).toContainText("Partie vite. La conversation reste ouverte");
  await expect(counsellor.page.locator("#mine li")).toContainText("partie vite");
  await expect(counsellor.field).toHaveCount(0);
  await picture(counsellor.page, "desk-left-quickly");

  await child.comesBackWith(words.join(" "));
  await child.isWith("Camille");
  await counsellor.writes("Te revoilà.");
  await child.reads(["Te revoilà."]);
  await child.writes("Mon père est entré");
  await expect(counsellor.bubble("Mon père est entré")).toBeVisible();
  await counsellor.goesHome();
});

test("Back after it shows nothing of the chat", async ({ page, context, guard, someone }) => {
  const counsellor = new Counsellor(await someone());
  const child = new Child(page);
  await page.goto("/");
  await child.opensChat("On me harcèle, on se moque de moi");
  await child.writes("ils sont dix");
  await counsellor.answers();
  await child.isWith("Camille");
  await guard.leavesFor(page, neutral);
  await child.leavesQuickly();
  await expect(page).toHaveURL(neutral);

  for (let i = 0; i < 2; i++) {
    await page.goBack();
    await expect(page.locator("main")).toBeVisible();
    await expect(page.locator("#talk-log")).toHaveCount(0);
    await expect(page.locator("input:checked")).toHaveCount(0);
    await expect(page.getByText("ils sont dix")).toHaveCount(0);
    expect(await context.cookies(), "cookies").toEqual([]);
  }
  await counsellor.goesHome();
});

test("Shift three times within five seconds leaves from any page, slow presses do not", { tag: "@desk" }, async ({ page, guard }) => {
  await guard.leavesFor(page, neutral);
  await page.clock.install();
  await page.goto("/privacy");
  const status = page.locator("[data-exit-status]");
  await page.keyboard.press("Shift");
  await expect(status).toHaveText("Encore 2 fois la touche Maj pour quitter");
  await page.keyboard.press("Shift");
  await expect(status).toHaveText("Encore 1 fois la touche Maj pour quitter");
  await picture(page, "shift-twice");
  await page.clock.runFor(5_100);
  await expect(status).toHaveText("");
  await page.keyboard.press("Shift");
  await expect(status).toHaveText("Encore 2 fois la touche Maj pour quitter");
  await page.keyboard.press("Shift");
  await expect(page).toHaveURL(/\/privacy$/);
  await page.keyboard.press("Shift");
  await expect(page).toHaveURL(neutral);
});

test("Shift three times leaves in the middle of writing, and capitals do not", { tag: "@desk" }, async ({ page, context, guard }) => {
  await guard.leavesFor(page, neutral);
  const child = new Child(page);
  await child.opensChat();
  await child.field.focus();
  for (const letter of "SOS!") await page.keyboard.press(`Shift+${letter}`);
  await expect(child.field).toHaveValue("SOS!");
  for (let i = 0; i < 3; i++) await page.keyboard.press("Shift");
  await expect(page).toHaveURL(neutral);
  expect(await context.cookies(), "cookies").toEqual([]);
});

const pages = ["/", "/chat", "/message", "/resume", "/numbers", "/privacy", "/cards/sextortion", "/nowhere"];
for (const path of [...pages, ...pages.map((path) => `/en${path}`.replace(/\/$/, ""))]) {
  test(`the way out stays in reach on ${path}, however far one scrolls`, { tag: ["@phone", "@small"] }, async ({ page }) => {
    await page.goto(path);
    const exit = page.getByRole("link", { name: path.startsWith("/en") ? "Leave fast" : "Quitter vite" });
    await expect(exit).toHaveAttribute("href", /^(\/en)?\/quit$/);
    await expectNoSideways(page);
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await expect(exit).toBeInViewport({ ratio: 1 });
    await expectAccessible(page);
  });
}

test("the child says goodbye: one question, her four words, and the way home", { tag: ["@phone", "@dark"] }, async ({ page, context, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);
  await page.locator(".chat-end > summary").click();
  await expect(page.getByText("Tu veux terminer la conversation ? Tu pourras revenir avec tes 4 mots.")).toBeVisible();
  await picture(page, "goodbye-sure");
  await page.getByRole("button", { name: "Oui, terminer" }).click();
  await expect(page.getByRole("heading", { name: "La conversation est terminée" })).toBeVisible();
  await expect(counsellor.talk).toContainText("La conversation est terminée. Il reste la fiche.");
  await picture(page, "over");
  await expectNoSideways(page);
  await expectAccessible(page);

  expect((await child.asksForWords()).join(" ")).toMatch(/^\S+ \S+ \S+ \S+$/);
  await page.getByRole("button", { name: "Revenir à l'accueil" }).click();
  await expect(page).toHaveURL("/");
  expect(await context.cookies(), "cookies").toEqual([]);
  await counsellor.goesHome();
});

test("the counsellor says goodbye: the child reads that it is over, and nothing more can be sent", async ({ page, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);
  await child.field.fill("j'allais dire que");
  await counsellor.saysGoodbye();
  await expect(page.getByRole("heading", { name: "La conversation est terminée" })).toBeVisible();
  await expect(child.field).toHaveCount(0);
  await expect(counsellor.field).toHaveCount(0);
  await counsellor.goesHome();
});

test("a goodbye before anybody answered takes her out of the line", async ({ page, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await counsellor.logsIn("camille");
  await child.opensChat();
  await child.writes("non rien");
  await expect(counsellor.page.locator("#line li")).toHaveCount(1);
  await child.saysGoodbye();
  await expect(page.getByRole("heading", { name: "La conversation est terminée" })).toBeVisible();
  await expect(page.getByText("Un peu")).toHaveCount(0);
  await expect(counsellor.page.locator("#line li")).toHaveCount(0);
  await counsellor.goesHome();
});

test("in danger, a goodbye before anybody answered shows who answers now; a supervisor decides what becomes of it", async ({ page, someone }) => {
  const child = new Child(page);
  const supervisor = new Counsellor(await someone());
  await supervisor.logsIn("dominique");
  await child.opensChat();
  await child.writes("je veux mourir ce soir");
  await expect(supervisor.page.locator("#line li")).toHaveCount(1);
  await child.saysGoodbye();
  await expect(page.getByRole("heading", { name: "La conversation est terminée" })).toBeVisible();
  await expect(page.locator(".number").first()).toBeVisible();
  await picture(page, "over-danger");
  await expectAccessible(page);
  await page.reload();
  await expect(page.getByRole("heading", { name: "La conversation est terminée" })).toBeVisible();

  await page.getByRole("button", { name: "Continuer à parler" }).click();
  await expect(child.state).toContainText("Tu es dans la file");
  await child.saysGoodbye();
  await supervisor.liftsDanger();
});

test("with a danger mark, a contact that was left stays until a supervisor decides", async ({ page, guard, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  const supervisor = new Counsellor(await someone());
  await child.opensChat();
  await child.writes("j'ai pris des cachets, je veux mourir");
  await counsellor.answers();
  await child.isWith("Camille");
  await guard.leavesFor(page, neutral);
  await child.leavesQuickly();
  await expect(page).toHaveURL(neutral);
  await expect(counsellor.talk).toContainText("Partie vite");

  await expect(counsellor.talk.locator("form[action$='/end']"), "she cannot end it alone").toHaveCount(0);

  await supervisor.logsIn("dominique");
  await supervisor.liftsDanger();
  await counsellor.saysGoodbye();
  await expect(counsellor.talk).toContainText("Il reste la fiche");
  await counsellor.goesHome();
});
