// A child who goes quiet is not hurried and not closed: a gentle line, another, then her conversation rests,
// and whenever she writes she comes first, to the same counsellor. How patient we are is in the catalogue.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Administrator, Child, Counsellor } from "./people";

test("a child who goes quiet hears two gentle lines, then her conversation rests; a word brings her back to the same counsellor", { tag: ["@phone", "@dark"] }, async ({ page, someone }) => {
  test.setTimeout(90_000);
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  const administrator = new Administrator(await someone());
  await child.opensChat();
  await counsellor.answers();
  await counsellor.writes("Bonjour, je suis là.");
  await administrator.edits("lines", (text) => patience(text, "4s", "9s", "14s", "30m"));

  const lines = child.log.locator(".bubble-line");
  await expect(lines.nth(0)).toContainText("Camille est là, avec toi.");
  await expect(lines.nth(1)).toContainText("Prends ton temps. On reste là.");
  await expect(lines.nth(2)).toContainText("On est toujours là. Si tu ne peux pas écrire, envoie juste un point.");
  await expect(lines.nth(3)).toContainText("On garde ta place.");
  await expect(child.state).toContainText("Ta conversation se repose. Écris quelque chose : tu passes en premier.");
  await expect(counsellor.talk).toContainText("en sommeil");
  await administrator.edits("lines", (text) => patience(text, "2m", "6m", "10m", "30m"));
  await picture(page, "parked");
  await expectNoSideways(page);
  await expectAccessible(page);
  await page.reload();
  await expect(child.state).toContainText("Ta conversation se repose.");

  await child.writes(".");
  await child.isWith("Camille");
  await expect(counsellor.bubble(".").last()).toBeVisible();
  await expect(counsellor.talk).toContainText("en conversation");
  await counsellor.writes("Je suis toujours là.");
  await expect(child.bubble("Je suis toujours là.")).toBeVisible();
  await expect(lines, "each line once").toHaveCount(5);
  await counsellor.goesHome();
});

test("whoever rests is first in line when her counsellor has gone home meanwhile", async ({ page, someone }) => {
  test.setTimeout(90_000);
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  const administrator = new Administrator(await someone());
  await child.opensChat();
  await counsellor.answers();
  await counsellor.writes("Bonjour, je suis là.");
  await administrator.edits("lines", (text) => patience(text, "1s", "2s", "3s", "30m"));
  await expect(child.state).toContainText("Ta conversation se repose.");
  await administrator.edits("lines", (text) => patience(text, "2m", "6m", "10m", "30m"));
  await counsellor.becomes("away");

  const other = new Child(await someone());
  await other.opensChat();
  await child.writes("je suis revenue");
  await expect(child.state).toContainText("Tu es dans la file");
  await expect(child.state).toContainText("personne n'est devant toi");
  await counsellor.becomes("available");
  await counsellor.accepts();
  await expect(counsellor.bubble("je suis revenue")).toBeVisible();
  await other.saysGoodbye();
  await counsellor.goesHome();
});

/** The document with another patience. */
function patience(text: string, first: string, second: string, park: string, left: string): string {
  return text.replace(/^(first|second|park|left) = .*$/gm, (_, what: string) => `${what} = "${{ first, second, park, left }[what]}"`);
}
