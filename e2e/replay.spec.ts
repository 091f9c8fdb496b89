// An invented call is heard: what each says, one after the other, and the next moment comes when it was said.
import { expect, looksRight, test } from "./vigie";
import { logsIn } from "./staff";

test("a trainee listens to an invented call, moment by moment", { tag: "@desk" }, async ({ page }) => {
  test.setTimeout(120_000);
  await logsIn(page, "dominique");
  await page.goto("/desk/training");
  await page.getByRole("link", { name: "Ses photos tournent dans le collège" }).click();
  const sound = page.locator("audio[data-sound]");
  const stage = page.locator("#replay-stage");
  await expect(sound).toHaveAttribute("src", /\/sound\/1\?/);
  const played: { src: string; length: number }[] = [];
  await page.exposeFunction("heard", (src: string, length: number) => played.push({ src, length }));
  await page.evaluate(() =>
    document.addEventListener("ended", (event) => {
      const audio = event.target as HTMLAudioElement;
      void (window as unknown as { heard(src: string, length: number): void }).heard(audio.getAttribute("src") ?? "", audio.duration);
    }, true),
  );
  await looksRight(page, "replay-call");
  await page.getByLabel("Vitesse").selectOption("4");
  await page.getByRole("button", { name: /^Lire/ }).click();
  await expect(stage).toHaveAttribute("data-at", "4", { timeout: 60_000 });
  await page.keyboard.press("Space");
  expect(played.map((p) => p.src.match(/sound\/(\d+)/)?.[1])).toEqual(["1", "2", "3"]);
  for (const { length } of played) expect(length, "seconds of speech").toBeGreaterThan(2);
  await expect(page.getByRole("button", { name: /^Lire/ })).toHaveAttribute("aria-pressed", "false");
  await test.step("the last word is heard too, and then it ends", async () => {
    await page.goto(page.url().replace(/\?.*$/, "") + "?at=19");
    played.length = 0;
    await page.evaluate(() =>
      document.addEventListener("ended", (event) => void (window as unknown as { heard(src: string, length: number): void }).heard((event.target as HTMLAudioElement).getAttribute("src") ?? "", (event.target as HTMLAudioElement).duration), true),
    );
    await page.getByLabel("Vitesse").selectOption("4");
    await page.getByRole("button", { name: /^Lire/ }).click();
    await page.keyboard.press("Space"); // a pause and on again in the middle of a word
    await page.keyboard.press("Space");
    await expect.poll(() => played.map((p) => p.src.match(/sound\/(\d+)/)?.[1]), { timeout: 30_000 }).toEqual(["19", "20"]);
    await expect(page.getByRole("button", { name: /^Lire/ })).toHaveAttribute("aria-pressed", "false");
  });
  // A form is filled in at this moment: nothing is said meanwhile.
  await page.goto(page.url().replace(/\?.*$/, "") + "?at=5");
  await expect(sound).toHaveCount(0);
  await expect(stage).toContainText("Qui");
});
