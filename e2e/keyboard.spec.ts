// A whole evening at the desk without a mouse.
import { expect, test } from "./vigie";
import { Counsellor } from "./people";
import { childWaits, password } from "./staff";
import type { Page } from "@playwright/test";

/** Goes on with Tab until the focus is on this; wherever it stops on the way, one must see where it is. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let steps = 0; steps < 250; steps += 1) {
    await page.keyboard.press("Tab");
    const { there, seen, what } = await page.evaluate((wanted) => {
      const now = document.activeElement;
      if (!now || now === document.body) return { there: false, seen: true, what: "" };
      const shown = (element: Element) => {
        const style = getComputedStyle(element);
        return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== "none";
      };
      // A chip or a segment shows the focus of its hidden input on its label.
      const label = now instanceof HTMLInputElement && now.labels?.[0];
      return { there: now.matches(wanted), seen: shown(now) || (!!label && shown(label)), what: now.outerHTML.slice(0, 160) };
    }, selector);
    expect(seen, `one sees that the focus is on ${what}`).toBe(true);
    if (there) return;
  }
  throw new Error(`Tab does not lead to ${selector}`);
}

/** Does something by the command bar: Ctrl K, a few letters, Enter. */
async function command(page: Page, letters: string): Promise<void> {
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Chercher une action" })).toBeFocused();
  await page.keyboard.type(letters);
  await page.keyboard.press("Enter");
}

test("the whole work of a counsellor, with the keyboard only", { tag: "@desk" }, async ({ page, someone }) => {
  test.setTimeout(180_000);
  const desk = new Counsellor(page);

  await test.step("she logs in", async () => {
    await page.goto("/desk/login");
    await tabTo(page, "[name=login]");
    await page.keyboard.type("camille");
    await tabTo(page, "[name=password]");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/desk$/);
    await desk.hears();
  });

  await test.step("the first Tab leads past the bar", async () => {
    await page.keyboard.press("Tab");
    await expect(page.getByRole("link", { name: "Aller au contenu" })).toBeFocused();
  });

  await test.step("she says that she is there, and answers what rings", async () => {
    await command(page, "dispo");
    await expect(page.locator(".presence-switch > summary.presence-available")).toBeVisible();
  });
  const child = await childWaits(someone);
  await expect(desk.ring).toHaveCount(1);
  await page.keyboard.press("Alt+a");
  await expect(desk.talk).toHaveCount(1);
  const other = await childWaits(someone);
  await expect(desk.ring).toHaveCount(1);
  await page.keyboard.press("Alt+a");
  await expect(desk.talk).toHaveCount(2);
  const first = desk.talk.nth(0);
  const second = desk.talk.nth(1);

  await test.step("Alt 1 and Alt 2 go from one conversation to the other, also after a message came", async () => {
    await expect(second).toHaveClass(/talk-current/);
    await child.writes("coucou");
    await expect(first).toContainText("coucou");
    await page.keyboard.press("Alt+1");
    await expect(first).toHaveClass(/talk-current/);
    await page.keyboard.press("Alt+2");
    await expect(second).toHaveClass(/talk-current/);
    await page.keyboard.press("Alt+1");
    await expect(first).toHaveClass(/talk-current/);
    await expect(page.locator("#mine kbd")).toHaveText(["Alt 1", "Alt 2"]);
  });

  await test.step("she writes to the one whose form is open", async () => {
    await command(page, "votre message");
    await expect(first.locator("textarea")).toBeFocused();
    await page.keyboard.type("Bonjour, je suis là.");
    await page.keyboard.press("Enter");
    await expect(child.bubble("Bonjour, je suis là.")).toBeVisible();
    expect(await other.messages()).toEqual([]);
  });

  await test.step("a ready answer comes with its variables filled, and is hers to change before it goes", async () => {
    await command(page, "réponse prête");
    await expect(page.locator("#panel .answers [data-filter]")).toBeFocused();
    await page.keyboard.type("bonjour");
    await page.keyboard.press("Enter");
    await expect(first.locator("textarea")).toBeFocused();
    await expect(first.locator("textarea")).toHaveValue("Bonjour. Je suis Camille. Merci de nous écrire. Qu'est-ce qui se passe ?");
    await page.keyboard.type(" Prends ton temps.");
    await page.keyboard.press("Enter");
    await expect(child.bubble("Je suis Camille. Merci de nous écrire. Qu'est-ce qui se passe ? Prends ton temps.")).toBeVisible();
  });

  await test.step("she finds a card and sends it", async () => {
    await command(page, "envoyer une fiche");
    await expect(page.locator("#panel .reading [data-filter]")).toBeFocused();
    await page.keyboard.type("take it");
    await page.keyboard.press("Enter");
    await expect(page.locator("#panel .reading-item:visible button").first()).toBeFocused();
    expect(await child.log.locator(".bubble-guide").count(), "Enter in the field sends nothing").toBe(0);
    await page.keyboard.press("Enter");
    await expect(child.log.locator(".bubble-guide")).toHaveText(/Take It Down/);
  });

  await test.step("the command bar finds each act of the conversation, and opens what hides it", async () => {
    for (const [letters, act] of [["clore", "/dismiss"], ["bloquer", "/block"], ["preuve", "/proof"]]) {
      await command(page, letters!);
      await expect(first.locator(`form[action$='${act}'] select`).first()).toBeFocused();
      await page.keyboard.press("Escape");
    }
    await command(page, "nouvelle note");
    await expect(page.locator("#panel .notes textarea")).toBeFocused();
    await command(page, "contact grave");
    await expect(first.locator("form[action$='/grave'] [value='0']")).toHaveCount(1);
    await command(page, "plus grave");
    await expect(first.locator("form[action$='/grave'] [value='1']")).toHaveCount(1);
  });

  await test.step("a danger is heard: its protocol opens, and she ticks its first step", async () => {
    await child.writes("je veux mourir");
    await expect(page.locator("#panel .protocols > .protocol")).toBeVisible();
    await command(page, "votre message");
    await tabTo(page, "#panel .protocol-tick");
    await page.keyboard.press("Space");
    await tabTo(page, "#panel .section summary");
    await expect(page.locator("#panel .protocol-done").first()).toContainText(/Fait\s:\sCamille,\s\d/);
  });

  await test.step("Escape closes what is open, and the focus goes back to where it was", async () => {
    await command(page, "votre message");
    await expect(first.locator("textarea")).toBeFocused();
    await page.keyboard.press("Control+k");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await expect(first.locator("textarea")).toBeFocused();
    await tabTo(page, ".presence-switch summary, .talk-current .talk-acts summary");
    await page.keyboard.press("Enter");
    await expect(page.locator("details.menu[open]")).toHaveCount(1);
    await page.keyboard.press("Escape");
    await expect(page.locator("details.menu[open]")).toHaveCount(0);
    expect(await page.evaluate(() => document.activeElement?.matches("details.menu > summary"))).toBe(true);
  });

  await test.step("she fills the form, says goodbye and closes", async () => {
    await command(page, "terminer");
    await expect(first).toContainText("Il reste la fiche");
    const missing = page.locator("#panel .panel-missing li");
    await expect(missing.first()).toBeVisible();
    await command(page, "remplir la fiche");
    await expect(page.locator("#panel auto-save[id^=form-] :focus")).toHaveCount(1);
    // Each question that is missing has its field in reach of Tab; a folded part opens with Enter.
    for (let left = await missing.count(); left > 0; left = await missing.count()) {
      expect(left, "each answer brings her nearer").toBeLessThan(12);
      const words = (await missing.first().innerText()).trim();
      await reach(page, words);
      await expect(missing.filter({ hasText: words })).toHaveCount(0);
    }
    await command(page, "clore le contact");
    await expect(desk.talk).toHaveCount(1);
  });
  await desk.goesHome();
});

/** Answers one question of the form by its label: opens its part with the keyboard, then chooses its first answer. */
async function reach(page: Page, label: string): Promise<void> {
  const form = page.locator("#panel auto-save[id^=form-]");
  const question = form.getByLabel(label, { exact: true }).or(form.getByRole("group", { name: label, exact: true, includeHidden: true })).first();
  const part = question.locator("xpath=ancestor::details[1]");
  if ((await part.getAttribute("open")) === null) {
    await part.locator("summary").focus();
    await page.keyboard.press("Enter");
  }
  const field = question.and(page.locator("select, input, textarea")).or(question.locator("input")).first();
  await field.focus();
  const kind = await field.evaluate((element) => (element instanceof HTMLSelectElement ? "select" : (element as HTMLInputElement).type));
  if (kind === "select") await page.keyboard.press("ArrowDown");
  else if (kind === "radio" || kind === "checkbox") await page.keyboard.press("Space");
  else await page.keyboard.type("Écouté, numéros donnés.");
}
