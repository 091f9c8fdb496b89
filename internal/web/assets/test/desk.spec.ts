import { expect, test } from "./stage";

const save = `<auto-save data-action="/save" data-saving="Enregistrement" data-saved="Enregistré à #" data-offline="Hors ligne" data-refused="Refusé"><form>
  <input name="city"><input type="checkbox" name="app" value="snap"><input type="checkbox" name="app" value="insta" checked>
  <p role="status" data-save-status></p></form></auto-save>`;

test("a field is kept a moment after the last key, alone, with a number that grows", async ({ page, stage }) => {
  await stage.show(page, "desk.js", save);
  await page.locator("[name=city]").pressSequentially("Lille");
  await expect(page.getByRole("status")).toHaveText(/Enregistré à \d\d:\d\d/);
  expect(stage.of("/save").map(({ field, value }) => ({ field, value }))).toEqual([{ field: "city", value: "Lille" }]);
  await page.locator("[value=snap]").check();
  await expect.poll(() => stage.of("/save")).toHaveLength(2);
  const [first, second] = stage.of("/save");
  expect(second).toMatchObject({ field: "app", value: "snap,insta" });
  expect(Number(second?.["rev"])).toBeGreaterThan(Number(first?.["rev"]));
});

test("a lost network keeps the words on the screen and sends the newest when it is back", async ({ page, stage, context }) => {
  await stage.show(page, "desk.js", save);
  await context.setOffline(true);
  await page.locator("[name=city]").fill("Lil");
  await expect(page.getByRole("status")).toHaveText("Hors ligne");
  await page.locator("[name=city]").fill("Lille");
  await context.setOffline(false);
  await expect(page.getByRole("status")).toHaveText(/Enregistré/);
  await expect.poll(() => stage.of("/save").at(-1)?.["value"]).toBe("Lille");
});

test("what rings says so in the title until it is answered", async ({ page, stage }) => {
  await stage.show(page, "desk.js", `<live-stream src="/live"></live-stream><button data-bell-unlock hidden>Activer la sonnerie</button>
    <ring-bell data-title="Ça sonne" data-note="Un contact vous attend"><div id="ring-list"></div></ring-bell>`);
  await expect.poll(() => stage.streams.length).toBe(1);
  stage.update(`<section id="ring-1" data-into="ring-list" data-ring><count-down data-seconds="20" data-words="il reste # s"><span data-count></span><progress max="20"></progress></count-down></section>`);
  await expect(page).toHaveTitle(/Ça sonne/);
  await expect(page.getByText(/il reste (20|19|18) s/)).toBeVisible();
  stage.update(`<div id="ring-1" data-gone></div>`);
  await expect(page).toHaveTitle("Stage");
});

test("alerts stack and ring, none in the place of another, until each was seen; of more than five the oldest calm one goes", async ({ page, stage }) => {
  await stage.show(page, "desk.js", `<live-stream src="/live"></live-stream><ring-bell data-title="Ça sonne" data-note="Quelqu'un vous attend"><alert-list id="desk-alert"></alert-list></ring-bell>`);
  await expect.poll(() => stage.streams.length).toBe(1);
  const rings = (id: string, at: number, tone = "warn") =>
    stage.update(`<div id="alert-${id}" data-into="desk-alert" data-seq="${-at}" data-ring><div class="notice-${tone}">${id}</div><button type="button" data-alert-seen>Vu</button></div>`);
  const shown = () => page.locator("#desk-alert > div > div").allTextContents();
  rings("danger-a", 1, "danger");
  rings("nobody-b", 2);
  rings("silent-c", 3);
  await expect.poll(shown).toEqual(["silent-c", "nobody-b", "danger-a"]);
  await expect(page).toHaveTitle("● Ça sonne");
  rings("nobody-b", 4);
  await expect.poll(shown).toEqual(["nobody-b", "silent-c", "danger-a"]);
  for (const [at, id] of ["d", "e", "f"].entries()) rings(id, 5 + at);
  await expect.poll(shown).toEqual(["f", "e", "d", "nobody-b", "danger-a"]);
  for (let left = 5; left > 0; left--) {
    await expect(page).toHaveTitle("● Ça sonne");
    await page.getByRole("button", { name: "Vu" }).first().click();
    await expect(page.locator("#desk-alert > div")).toHaveCount(left - 1);
  }
  await expect(page).toHaveTitle("Stage");
});

test("a danger piece that newly opens beside the conversation is brought in sight, once", async ({ page, stage }) => {
  await page.setViewportSize({ width: 800, height: 600 });
  const tall = Array.from({ length: 80 }, (_, n) => `<p>Question ${n}</p>`).join("");
  await stage.show(page, "desk.js", `<live-stream src="/live"></live-stream><div id="panel"><div id="panel-1" class="panel-inside"><div id="hold-1" class="hold"></div>
    <div id="protocols-1" class="protocols"></div>${tall}</div></div>`);
  await expect.poll(() => stage.streams.length).toBe(1);
  const last = page.getByText("Question 79");
  await last.scrollIntoViewIfNeeded();
  stage.update(`<div id="hold-1" class="hold"><count-down data-seconds="1" data-words="Encore # s" data-over="Elle peut lire seule"><p data-count></p></count-down></div>`);
  await expect(page.locator("#hold-1")).toBeInViewport();
  await expect(page.locator("#hold-1"), "the seconds count down, and what comes then is said").toHaveText("Elle peut lire seule");
  await last.scrollIntoViewIfNeeded();
  stage.update(`<div id="hold-1" class="hold"><p>Confirmée</p></div>`);
  await expect(page.locator("#hold-1")).toHaveText("Confirmée");
  await expect(last, "it was there already").toBeInViewport();
  stage.update(`<div id="protocols-1" class="protocols"><section id="protocol-1-life">Danger</section></div>`);
  await expect(page.locator("#protocol-1-life")).toBeInViewport();
});

test("what was read once stays when the rest is drawn anew", async ({ page, stage }) => {
  await stage.show(page, "desk.js", `<live-stream src="/live"></live-stream><div id="hold-1"><div id="address-1" data-keep></div></div>`);
  await expect.poll(() => stage.streams.length).toBe(1);
  stage.update(`<div id="hold-1"><div id="address-1"><p>203.0.113.7, port 4711</p></div></div>`);
  await expect(page.locator("#address-1")).toHaveText("203.0.113.7, port 4711");
  stage.update(`<div id="hold-1"><p>Lue à 21 h 04</p><div id="address-1" data-keep></div></div>`);
  await expect(page.locator("#hold-1")).toContainText("Lue à 21 h 04");
  await expect(page.locator("#address-1")).toHaveText("203.0.113.7, port 4711");
});

test("a few letters without accents find an action, and Enter does it", async ({ page, stage }) => {
  await stage.show(page, "desk.js", `<button id="end">Terminer</button><details><summary>Réponses</summary><input id="find"></details><command-bar><dialog><input role="combobox"><ul role="listbox">
    <li role="option" id="c0" data-words="Chercher un contact" data-href="/search">Chercher</li>
    <li role="option" id="c1" data-words="Clôre la conversation" data-click="#end">Clore</li>
    <li role="option" id="c3" data-words="Chercher une réponse prête" data-focus="#find">Réponse</li>
    <li role="option" id="c2" data-words="Clore ailleurs" data-click="#absent">Absent</li></ul><p data-none hidden>rien</p></dialog></command-bar>`);
  await page.evaluate(() => document.getElementById("end")?.addEventListener("click", () => (document.title = "terminé")));
  await page.keyboard.press("Control+k");
  await page.keyboard.type("clo con");
  await expect(page.getByRole("option")).toHaveText(["Clore"]);
  await page.keyboard.press("Enter");
  await expect(page).toHaveTitle("terminé");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("zzz");
  await expect(page.getByText("rien")).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("prete");
  await page.keyboard.press("Enter");
  await expect(page.locator("#find")).toBeFocused();
});

test("the first conversations of the list have Alt 1, Alt 2… whatever comes down the stream", async ({ page, stage }) => {
  const card = (n: number, words = "") => `<li class="contact" id="c-${n}" data-into="mine" data-seq="${n}"><a class="contact-title" href="#${n}">${n}</a><div class="contact-middle">${words}</div></li>`;
  await stage.show(page, "desk.js", `<live-stream src="/live"></live-stream><ul id="mine" data-keys="Alt #">${card(1)}${card(2)}</ul>
    <div id="talks"><section class="talk" id="talk-1"></section><section class="talk" id="talk-2"></section></div>
    <div id="panel"><div class="panel-inside" id="panel-2"></div></div>`);
  await expect(page.locator("#mine kbd")).toHaveText(["Alt 1", "Alt 2"]);
  await expect(page.locator(".talk-current")).toHaveAttribute("id", "talk-2");
  await expect.poll(() => stage.streams.length).toBe(1);
  stage.update(card(2, "a écrit"));
  await expect(page.locator("#c-2")).toContainText("a écrit");
  await expect(page.locator("#c-2 kbd")).toHaveText("Alt 2");
  await expect(page.locator("#mine .contact-current")).toHaveAttribute("id", "c-2");
  await expect(page.locator(".talk-current")).toHaveAttribute("id", "talk-2");
  stage.update(`<li id="c-1" data-gone></li>`);
  await expect(page.locator("#mine kbd")).toHaveText(["Alt 1"]);
});

test("a ready answer is put in the composer to be read again, not sent", async ({ page, stage }) => {
  await stage.show(page, "desk.js", `<chat-composer data-max="2000"><form id="composer" action="/send"><textarea name="body">Bonsoir.</textarea></form></chat-composer>
    <filter-list><input data-filter><ul><li data-words="Ne paie pas chantage"><button type="button" data-insert="Ne paie pas." data-for="composer">Ne paie pas</button></li>
    <li data-words="Je te crois"><button type="button" data-insert="Je te crois." data-for="composer">Je te crois</button></li></ul><p data-none hidden></p></filter-list>`);
  await page.locator("[data-filter]").fill("chan");
  await expect(page.getByRole("button")).toHaveText(["Ne paie pas"]);
  await page.locator("[data-filter]").press("Enter");
  await expect(page.locator("textarea")).toHaveValue("Bonsoir.\n\nNe paie pas.");
  expect(stage.posts).toEqual([]);
});

test("seen is told only when the newest message is in sight", async ({ page, stage }) => {
  await stage.show(page, "desk.js", `<live-stream src="/live"></live-stream><div class="gallery-phone"><chat-log class="chat-log"><div class="chat-log-view" data-log-view tabindex="0"><ol id="log">
    ${Array.from({ length: 60 }, (_, i) => `<li class="bubble" id="m-${i + 1}" data-seq="${i + 1}" data-from="visitor">message ${i + 1}</li>`).join("")}</ol></div><button data-log-new hidden>Nouveau message</button></chat-log></div>
    <seen-marker data-action="/marks" data-log="log" data-me="staff"></seen-marker>`);
  await expect.poll(() => stage.of("/marks").at(-1)).toEqual({ delivered: "60", seen: "60" });
  const view = page.locator("[data-log-view]");
  await view.hover();
  // A wheel that turns before a busy Chromium knows what it turns over is lost.
  await expect(async () => {
    await page.mouse.wheel(0, -5000);
    await expect.poll(() => view.evaluate((v) => v.scrollTop), { timeout: 1000 }).toBe(0);
  }).toPass({ timeout: 10_000 });
  stage.update(`<li class="bubble" id="m-61" data-seq="61" data-from="visitor" data-into="log">nouveau</li>`);
  await expect(page.getByRole("button", { name: "Nouveau message" })).toBeVisible();
  await expect.poll(() => stage.of("/marks").at(-1)).toEqual({ delivered: "61", seen: "60" });
  await page.getByRole("button", { name: "Nouveau message" }).click();
  await expect.poll(() => stage.of("/marks").at(-1)).toEqual({ delivered: "61", seen: "61" });
});

test("an answer that is not saved yet is not drawn over by what another tab saved", async ({ page, stage }) => {
  const field = (value: string) => `<div id="ask-c1-city" data-ask="city"><input name="city" value="${value}"></div>`;
  await stage.show(page, "desk.js", `<live-stream src="/live"></live-stream><auto-save data-action="/save" data-saved="Enregistré" data-offline="Hors ligne"><form>${field("")}
    <p role="status" data-save-status></p></form></auto-save><button>ailleurs</button>`);
  await expect.poll(() => stage.streams.length).toBe(1);
  stage.answer = () => ({ status: 503 });
  await page.locator("[name=city]").fill("Lille");
  await page.getByRole("button").focus();
  await expect(page.getByRole("status")).toHaveText("Hors ligne");
  stage.update(field("Nantes"));
  stage.update(`<div id="other" data-into="none"></div>`);
  await expect(page.locator("[name=city]")).toHaveValue("Lille");
  stage.answer = () => ({ status: 204 });
  await expect(page.getByRole("status")).toHaveText("Enregistré");
  expect(stage.of("/save").at(-1)).toMatchObject({ field: "city", value: "Lille" });
  stage.update(field("Brest"));
  await expect(page.locator("[name=city]"), "what is saved follows the others").toHaveValue("Brest");
});

test("a question comes when an answer asks for it, and what was opened stays open", async ({ page, stage }) => {
  const panel = (unasked: string) => `<div id="panel"><details id="sec-1"><summary>Les faits</summary><div id="ask-c1-when" data-ask="when"><input aria-label="Quand"></div></details>
    <div id="missing-c1" data-of="c1" data-unasked="${unasked}"></div></div>`;
  await stage.show(page, "desk.js", `<live-stream src="/live"></live-stream>${panel("")}`);
  await expect.poll(() => stage.streams.length).toBe(1);
  await page.getByText("Les faits").click();
  await expect(page.getByLabel("Quand")).toBeVisible();
  stage.update(`<div id="missing-c1" data-of="c1" data-unasked="where when"></div>`);
  await expect(page.getByLabel("Quand")).toBeHidden();
  stage.update(panel("where"));
  await expect(page.getByLabel("Quand"), "shown again, in a section that stayed open").toBeVisible();
});
