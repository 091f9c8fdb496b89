import { expect, test } from "./stage";

const html = `<figures-count src="/figures/far" data-lost="La liaison est coupée."><div id="figures-body"><progress max="1" value="0"></progress></div></figures-count>`;

function event(name: string, data: string): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}

test("how far the figures are is shown, then the figures, and nobody asks twice", async ({ page, stage }) => {
  let asked = 0;
  await page.route("**/figures/far", async (route) => {
    asked += 1;
    const body = event("update", `<div id="figures-body"><progress max="4" value="3"></progress></div>`) + event("update", `<div id="figures-body"><p>12 contacts</p></div>`) + event("done", "x");
    await route.fulfill({ contentType: "text/event-stream", body });
  });
  await page.addInitScript(() => {
    const far: string[] = [];
    Object.assign(window, { far });
    document.addEventListener("vigie:update", () => far.push(document.querySelector<HTMLProgressElement>("#figures-body progress")?.getAttribute("value") ?? "figures"));
  });
  await stage.show(page, "desk.js", html);
  await expect(page.getByText("12 contacts")).toBeVisible();
  expect(await page.evaluate(() => (window as unknown as { far: string[] }).far)).toEqual(["3", "figures"]);
  await page.waitForTimeout(2500); // longer than a browser takes to come back to a stream that ended
  expect(asked).toBe(1);
});

test("a line that breaks is said in words, and nothing is counted anew", async ({ page, stage }) => {
  let asked = 0;
  await page.route("**/figures/far", async (route) => {
    asked += 1;
    await route.fulfill({ contentType: "text/event-stream", body: event("update", `<div id="figures-body"><progress max="4" value="2"></progress></div>`) });
  });
  await stage.show(page, "desk.js", html);
  await expect(page.getByRole("alert")).toHaveText("La liaison est coupée.");
  await expect(page.getByRole("progressbar")).toHaveCount(0);
  await page.waitForTimeout(2500);
  expect(asked).toBe(1);
});
