// Every public page with the keyboard alone (WCAG 2.2: 2.1.1, 2.1.2, 2.4.1, 2.4.7, 2.4.11), at 200 % (1.4.4; at 320 px, which is 400 %, everypage.spec.ts looks), and with letters twice as large.
import { expect, expectNoSideways, test } from "./vigie";
import { publicPages } from "./pages";
import type { Page } from "@playwright/test";

/** A stop of the Tab key. */
interface Stop {
  what: string;
  seen: boolean; // one sees that the focus is here
  covered: boolean; // something else lies over all of it
}

/** Goes through a page with Tab, until it has left it. */
async function walk(page: Page): Promise<Stop[]> {
  const stops: Stop[] = [];
  // How everything looks without the focus.
  await page.evaluate(() => {
    for (const element of document.querySelectorAll("*")) {
      const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(element);
      (element as Element & { bare?: string }).bare = [outlineStyle, outlineWidth, outlineColor, boxShadow].join();
    }
  });
  for (let steps = 0; steps < 400; steps += 1) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate((): Stop | undefined => {
      const now = document.activeElement;
      if (!now || now === document.body || now === document.documentElement) return undefined;
      const ring = (element: Element): boolean => {
        const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(element);
        if ((element as Element & { bare?: string }).bare === [outlineStyle, outlineWidth, outlineColor, boxShadow].join()) return false;
        return (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && !/, 0\)$|transparent/.test(outlineColor)) || boxShadow !== "none";
      };
      // A chip or a segment shows the focus of its hidden input on its label.
      const label = now instanceof HTMLInputElement && now.labels?.[0];
      const shown = label && !ring(now) ? label : now;
      // A link that is broken over two lines has a box on each.
      const bare = [...shown.getClientRects()].some(({ left, top, right, bottom }) => {
        const [x, y] = [(Math.max(left, 0) + Math.min(right, innerWidth)) / 2, (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2];
        return [y, Math.max(top, 0) + 2, Math.min(bottom, innerHeight) - 2].some((at) => {
          const there = document.elementFromPoint(x, at);
          return !!there && (there === shown || shown.contains(there));
        });
      });
      now.setAttribute("data-walked", "");
      return { what: now.outerHTML.slice(0, 160), seen: ring(shown), covered: !bare };
    });
    if (!stop) return stops;
    stops.push(stop);
  }
  throw new Error("Tab does not leave the page");
}

/** What can be worked and was not come to; of a group of radio buttons one is enough. */
const missed = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const workable = "a[href], button, input:not([type=hidden]), select, textarea, summary, audio[controls], video[controls]";
    const reached = (element: Element): boolean =>
      element.hasAttribute("data-walked") ||
      (element instanceof HTMLInputElement && element.type === "radio" && [...document.querySelectorAll<HTMLInputElement>(`input[type=radio][name="${element.name}"]`)].some((one) => one.hasAttribute("data-walked")));
    return [...document.querySelectorAll(workable)]
      .filter((element) => !element.matches(":disabled, [tabindex='-1']") && element.checkVisibility({ visibilityProperty: true }) && !reached(element))
      .map((element) => element.outerHTML.slice(0, 160));
  });

test.describe("every public page", { tag: ["@desk"] }, () => {
  test.slow();

  test("is worked with the keyboard alone", async ({ page }) => {
    for (const path of publicPages) {
      expect((await page.goto(path))?.status()).toBe(path === "/nowhere" ? 404 : 200);
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await expect(page.locator("#main"), `the first stop on ${path} leads past the head`).toBeFocused();
      await page.goto("about:blank");
      await page.goto(path);
      const stops = await walk(page);
      expect(stops.filter((stop) => !stop.seen), `where the focus is not seen on ${path}`).toEqual([]);
      expect(stops.filter((stop) => stop.covered), `where the focus is covered on ${path}`).toEqual([]);
      expect(await missed(page), `what Tab does not come to on ${path}`).toEqual([]);
    }
  });

  test("is read at 200 %", async ({ browser, baseURL }) => {
    const context = await browser.newContext({ viewport: { width: 640, height: 400 }, deviceScaleFactor: 2, baseURL: baseURL ?? "", locale: "fr-FR" });
    const page = await context.newPage();
    for (const path of publicPages) {
      await page.goto(path);
      await expectNoSideways(page);
    }
    await context.close();
  });

  test("is read with letters twice as large", async ({ page }) => {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Page.setFontSizes", { fontSizes: { standard: 32, fixed: 26 } });
    for (const path of publicPages) {
      await page.goto(path);
      expect(await page.evaluate(() => parseFloat(getComputedStyle(document.documentElement).fontSize)), "letters are twice as large").toBe(32);
      await expectNoSideways(page);
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>("main *, header *, footer *")]
          .filter((element) => {
            if (!(element instanceof HTMLElement)) return false;
            const style = getComputedStyle(element);
            const small = element.clientWidth <= 1 || element.clientHeight <= 1; // for screen readers alone
            return !small && style.overflow === "hidden" && element.innerText.trim() !== "" && (element.scrollHeight > element.clientHeight + 2 || element.scrollWidth > element.clientWidth + 2);
          })
          .map((element) => element.outerHTML.slice(0, 160)),
      );
      expect(cut, `words that are cut off on ${path}`).toEqual([]);
      // Of what is in view: a picture of the whole page would be taken with letters of the usual size.
      await page.screenshot({ path: `e2e/shots/large-letters-${path.slice(1).replaceAll("/", "-") || "home"}.png` });
    }
  });
});
