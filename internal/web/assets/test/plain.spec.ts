// What becomes of the page in a browser that runs scripts but knows no modules. Chromium knows them, so it
// is handed the script by name, on a page without the policy that such a browser has never heard of.
import { expect, test } from "@playwright/test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const dist = join(import.meta.dirname, "..", "dist");
const manifest = JSON.parse(readFileSync(join(dist, "manifest.json"), "utf8")) as Record<string, string>;
const built = (name: string): string => readFileSync(join(dist, manifest[name] ?? ""), "utf8");

test("an old phone gets what stands in each noscript, and the page again after its time", async ({ page }) => {
  let loads = 0;
  await page.route("http://old.phone/**", (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === "/plain.js") return route.fulfill({ contentType: "text/javascript", body: built("plain.js") });
    if (pathname === "/noscript.css") return route.fulfill({ contentType: "text/css", body: built("noscript.css") });
    loads++;
    return route.fulfill({
      contentType: "text/html; charset=utf-8",
      body: `<!doctype html><html lang="fr"><head><title>Vigie</title><script defer src="/plain.js"></script>
        <noscript><link rel="stylesheet" href="/noscript.css"></noscript>
        ${loads < 3 ? `<noscript><meta http-equiv="refresh" content="1"></noscript>` : ""}</head>
        <body><div class="chat-page chat-refreshing">
          <noscript><p>ici</p> <a href="/chat?write">Écrire un message</a></noscript><p>là</p>
          <div class="composer"><textarea></textarea></div>
        </div></body></html>`,
    });
  });
  await page.goto("http://old.phone/chat#talk-log");
  await expect(page.getByRole("link", { name: "Écrire un message" }), "the way to write").toBeVisible();
  await expect(page.locator("noscript")).toHaveCount(0);
  await expect(page.locator(".chat-page > p"), "in its place").toHaveText(["ici", "là"]);
  await expect(page.locator("textarea"), "nothing is typed on a page that goes away").toBeHidden();
  await expect.poll(() => loads, "the page is loaded again").toBe(3);
  await expect(page.getByRole("link", { name: "Écrire un message" })).toBeVisible();
  await page.waitForTimeout(1500);
  expect(loads, "and not where nothing says so").toBe(3);
});

test("the script is written in the language of such a browser", () => {
  expect(built("plain.js")).not.toMatch(/=>|`|\b(?:let|const|class)\b/);
});
