// Coming back: four words, shown once, reopen a contact from any browser, without an account and without
// showing what was said before until the counsellor knows that she is alone.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Child, Counsellor, inConversation, phone } from "./people";

/** The list that the four words are drawn from. */
const list = readFileSync(resolve(import.meta.dirname, "../internal/contact/words/fr.txt"), "utf8").split("\n").filter(Boolean);

test("the four words are shown once, and new ones take the place of those before", async ({ page, someone }) => {
  const child = new Child(page);
  await child.opensChat();
  const first = await child.asksForWords();
  for (const word of first) expect(list).toContain(word);
  await picture(page, "words");
  await expectNoSideways(page);
  await expectAccessible(page);

  await page.reload();
  await expect(page.getByText(first[0]!, { exact: true })).toHaveCount(0);
  const second = await child.asksForWords();
  expect(second).not.toEqual(first);

  const elsewhere = new Child(await someone(phone));
  await elsewhere.comesBackWith(first.join(" "));
  await expect(elsewhere.page.getByText("Ces 4 mots n'ouvrent rien.")).toBeVisible();
  const friend = new Child(await someone(phone));
  await expect(async () => {
    await friend.comesBackWith(second.join(" ")); // right after wrong ones: she may be asked to wait a second
    await expect(friend.state).toContainText("Tu es dans la file", { timeout: 2_000 });
  }).toPass();
  await friend.saysGoodbye();
});

test("from another phone they reopen the conversation: what was said stays hidden until the counsellor shows it, and the first phone is shut out", async ({ page, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);
  await child.writes("mon frère lit par-dessus mon épaule");
  await expect(counsellor.bubble("mon frère")).toBeVisible();
  const words = await child.asksForWords();

  const elsewhere = new Child(await someone(phone));
  // Capitals, accents and spaces are forgiven.
  await elsewhere.comesBackWith(`  ${words.join("  ").toUpperCase()} `);
  await elsewhere.isWith("Camille");
  await expect(elsewhere.page.getByText("Tes anciens messages sont cachés pour l'instant.")).toBeVisible();
  await elsewhere.reads([]);
  await picture(elsewhere.page, "past-hidden");
  await expectAccessible(elsewhere.page);

  // The first phone may be in somebody else's hands by now: it reads nothing more.
  await expect(page.getByRole("heading", { name: "On est là" })).toBeVisible();
  await expect(page.getByText("mon frère lit")).toHaveCount(0);
  expect((await page.request.post("/chat/messages", { form: { message_id: crypto.randomUUID(), body: "c'est moi" } })).status()).toBe(401);

  await elsewhere.writes("c'est bon, je suis dans ma chambre");
  await elsewhere.page.reload();
  await elsewhere.reads(["c'est bon, je suis dans ma chambre"]);
  await expect(counsellor.talk).toContainText("Les anciens messages lui sont cachés.");
  await counsellor.talk.getByRole("button", { name: "Lui montrer les anciens messages" }).click();
  await elsewhere.reads(["Bonjour", "Bonjour, je suis là.", "mon frère lit par-dessus mon épaule", "c'est bon, je suis dans ma chambre"]);
  await expect(elsewhere.page.getByText("Tes anciens messages sont cachés")).toHaveCount(0);
  await expect(counsellor.talk).not.toContainText("Les anciens messages lui sont cachés.");
  await counsellor.goesHome();
});

test("after a goodbye they open a new conversation, with the counsellor who knows her", async ({ page, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);
  const words = await child.asksForWords();
  await child.saysGoodbye();
  await expect(counsellor.talk).toContainText("Il reste la fiche");

  const elsewhere = new Child(await someone(phone));
  await elsewhere.comesBackWith(words.join(" "));
  await counsellor.becomes("available");
  await expect(counsellor.ring).toContainText("est revenu avec ses quatre mots");
  await counsellor.accepts();
  await elsewhere.isWith("Camille");
  await elsewhere.reads([]);
  await counsellor.goesHome();
});

test("guessing is slowed down and learns nothing: while it waits, even the right words are not let in", async ({ page, someone }) => {
  test.setTimeout(120_000);
  const child = new Child(page);
  await child.opensChat();
  const words = (await child.asksForWords()).join(" ");
  const guesser = new Child(await someone(phone));
  const guess = async (typed: string) => (await guesser.page.request.post("/resume", { form: { words: typed } })).text();

  // Each wrong guess makes the next wait longer: one second, two, four.
  for (let i = 0; i < 3; i++) {
    await expect(async () => expect(await guess(list.slice(4 * i, 4 * i + 4).join(" "))).toContain("ouvrent rien")).toPass({ intervals: [1_100, 2_100, 4_100] });
  }
  // Nothing is said of what is typed meanwhile, right or wrong.
  expect(await guess(words)).toContain("On attend un peu entre deux essais");
  expect(await guess(list.slice(40, 44).join(" "))).toContain("On attend un peu entre deux essais");
  await guesser.comesBackWith(words);
  await picture(guesser.page, "resume-slow");
  await expectAccessible(guesser.page);
  // She whose words they are is let in, once she has waited.
  await expect(async () => {
    await guesser.comesBackWith(words);
    await expect(guesser.state).toContainText("Tu es dans la file", { timeout: 8_000 });
  }).toPass({ intervals: [4_100] });
  await guesser.saysGoodbye();
});

test("what cannot be four words of ours gets its sentence, and stays to be mended", { tag: ["@phone", "@small"] }, async ({ page }) => {
  const child = new Child(page);
  for (const typed of ["bonjour", "un deux trois quatre cinq", "zzz zzz zzz zzz"]) {
    await child.comesBackWith(typed);
    await expect(page.getByText("Il faut 4 mots de notre liste, dans l'ordre.")).toBeVisible();
    await expect(page.getByLabel("Tes 4 mots")).toHaveValue(typed);
  }
  await picture(page, "resume-four");
  await expectNoSideways(page);
  await expectAccessible(page);
});
