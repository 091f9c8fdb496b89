import { expect, test } from "./stage";

const live = `<live-stream src="/live"></live-stream><p data-live-status data-lost="Connexion perdue" data-back="Connexion rétablie" data-ended="Session terminée" hidden></p>`;

test("a piece replaces what has its id, or goes where data-into says, in the order of data-seq", async ({ page, stage }) => {
  await stage.show(page, "chat.js", `${live}<ol id="log"><li id="m-1" data-seq="1">un</li></ol>`);
  await expect.poll(() => stage.streams.length).toBe(1);
  stage.update(`<li id="m-4" data-seq="4" data-into="log">quatre</li>`);
  stage.update(`<li id="m-2" data-seq="2" data-into="log">deux</li><li id="m-3" data-seq="3" data-into="log">trois</li>`);
  stage.update(`<li id="m-1" data-seq="1" data-into="log">un, vu</li>`);
  stage.update(`<li id="m-2" data-seq="2" data-into="log">deux</li>`);
  await expect(page.locator("#log li")).toHaveText(["un, vu", "deux", "trois", "quatre"]);
  stage.update(`<li id="m-3" data-gone></li>`);
  await expect(page.locator("#log li")).toHaveText(["un, vu", "deux", "quatre"]);
});

test("a message on its way stays last, and moves to its place when it has one", async ({ page, stage }) => {
  await stage.show(page, "chat.js", `${live}<ol id="log"><li id="m-1" data-seq="1">un</li><li id="m-x">en route</li></ol>`);
  await expect.poll(() => stage.streams.length).toBe(1);
  stage.update(`<li id="m-2" data-seq="2" data-into="log">deux</li>`);
  await expect(page.locator("#log li")).toHaveText(["un", "deux", "en route"]);
  stage.update(`<li id="m-4" data-seq="4" data-into="log">quatre</li>`);
  stage.update(`<li id="m-x" data-seq="3" data-into="log">arrivé</li>`);
  await expect(page.locator("#log li")).toHaveText(["un", "deux", "arrivé", "quatre"]);
});

test("what is being typed is not replaced under the fingers", async ({ page, stage }) => {
  await stage.show(page, "chat.js", `${live}<div id="form"><input id="city" value=""></div><button>ailleurs</button>
    <section id="talk"><h2>avant</h2><div id="keep" data-keep><textarea>mon brouillon</textarea></div></section>`);
  await expect.poll(() => stage.streams.length).toBe(1);
  await page.locator("#city").fill("Lil");
  await page.locator("textarea").evaluate((field: HTMLTextAreaElement) => (field.value = "mon brouillon changé"));
  stage.update(`<div id="form"><input id="city" value="Lille"></div>`);
  stage.update(`<section id="talk"><h2>après</h2><div id="keep" data-keep><textarea></textarea></div></section>`);
  await expect(page.locator("#talk h2")).toHaveText("après");
  await expect(page.locator("textarea"), "a data-keep part is kept as it is").toHaveValue("mon brouillon changé");
  await expect(page.locator("#city"), "the field being filled waits").toHaveValue("Lil");
  await page.getByRole("button").focus();
  await expect(page.locator("#city"), "and is replaced when it is left").toHaveValue("Lille");
});

test("a stream that ends comes back with the number of the last thing it saw", async ({ page, stage }) => {
  await stage.show(page, "chat.js", `${live}<ol id="log"></ol>`);
  await expect.poll(() => stage.streams.length).toBe(1);
  stage.update(`<li id="m-1" data-seq="1" data-into="log">un</li>`, "1");
  await expect(page.locator("#log li")).toHaveCount(1);
  stage.streams[0]?.out.end();
  await expect.poll(() => stage.streams.length).toBe(2);
  expect(new URL(stage.streams[1]?.url ?? "", "http://localhost").searchParams.get("after")).toBe("1");
  stage.update(`<li id="m-1" data-seq="1" data-into="log">un</li><li id="m-2" data-seq="2" data-into="log">deux</li>`, "2");
  await expect(page.locator("#log li")).toHaveText(["un", "deux"]);
});

test("a line that stays lost is said in words, and so is its return", async ({ page, stage, context }) => {
  await stage.show(page, "chat.js", live);
  await expect.poll(() => stage.streams.length).toBe(1);
  await context.setOffline(true);
  stage.streams[0]?.out.destroy();
  await expect(page.getByText("Connexion perdue")).toBeVisible({ timeout: 10_000 });
  await context.setOffline(false);
  await expect(page.getByText("Connexion rétablie")).toBeVisible();
});

test("a session that is over is said, what is written stays, and a new session brings the page back", async ({ page, stage }) => {
  await stage.show(page, "desk.js", `${live}<textarea></textarea><ol id="log"></ol>`);
  await expect.poll(() => stage.streams.length).toBe(1);
  await page.locator("textarea").fill("un brouillon");
  stage.refuse = 401;
  stage.streams[0]?.out.end();
  await expect(page.getByText("Session terminée")).toBeVisible({ timeout: 10_000 });
  await expect(page.locator("textarea")).toHaveValue("un brouillon");
  stage.refuse = 0;
  await expect(page.getByText("Connexion rétablie")).toBeVisible({ timeout: 15_000 });
});
