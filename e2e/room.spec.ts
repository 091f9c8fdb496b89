// The conversation keeps its room: on the smallest phone with everything open beside it, and at a desk
// where something rings.
import { expect, expectNoSideways, picture, test } from "./vigie";
import { Child, Counsellor, inConversation, phone } from "./people";

test("what opens beside the messages leaves them half of the screen, or lets the page scroll as one", { tag: ["@phone", "@small"] }, async ({ page, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);
  await picture(page, "room-talking");
  await expect(page.getByText("non merci"), "nothing is offered that nothing listens to").toHaveCount(0);
  const height = page.viewportSize()!.height;
  const roomLeft = async () => (await page.locator(".chat-log").boundingBox())!.height / height;

  const words = await child.asksForWords();
  await picture(page, "room-words");
  expect(await roomLeft()).toBeGreaterThan(0.4);
  await expect(page.locator(".words-word").last()).toBeInViewport();
  const [fold, end] = [page.locator(".chat-fold > summary"), page.locator(".chat-end > summary")];
  expect(Math.abs((await fold.boundingBox())!.y - (await end.boundingBox())!.y), "they lie on one row").toBeLessThan(8);

  await page.getByText("C'est noté").click();
  await expect(page.locator(".words-word").first()).toBeHidden();
  expect(await roomLeft()).toBeGreaterThanOrEqual(0.5);
  await page.getByText("Revoir mes 4 mots").click();
  expect(await page.locator(".words-word").allInnerTexts(), "they are shown once, and stay until the page goes").toEqual(words);
  await page.getByText("C'est noté").click();

  await counsellor.asksFor("screenshot_messages");
  await expect(page.locator("#talk-proof .proof")).toBeVisible();
  await picture(page, "room-proof");
  expect(await roomLeft()).toBeGreaterThanOrEqual(height < 600 ? 0.5 : 0.35);
  await expect(child.field, "she can still write").toBeInViewport();
  await page.locator(".proof > summary").click();
  await expect(page.getByLabel("Choisis un fichier")).toBeHidden();
  expect(await roomLeft()).toBeGreaterThanOrEqual(0.5);
  await child.writes("je veux mourir");
  await expect(child.bubble("je veux mourir")).toBeVisible();
  await picture(page, "room-danger");
  expect(await roomLeft()).toBeGreaterThanOrEqual(height < 600 ? 0.5 : 0.35);
  await expectNoSideways(page);
  await end.click();
  await expect(page.getByRole("button", { name: "Oui, terminer" })).toBeVisible();
  await counsellor.goesHome();
});

test("while something rings, nothing cuts the field of a conversation whose past is hidden", { tag: "@desk" }, async ({ page, someone }) => {
  const counsellor = new Counsellor(page);
  const child = new Child(await someone(phone));
  await inConversation(child, counsellor);
  const words = await child.asksForWords();
  const back = new Child(await someone(phone));
  await back.comesBackWith(words.join(" "));
  await expect(counsellor.talk).toContainText("Les anciens messages lui sont cachés.");
  const other = new Child(await someone(phone));
  await other.opensChat();
  await expect(counsellor.ring).toBeVisible();
  await picture(page, "room-ringing");
  const pane = (await counsellor.talk.boundingBox())!;
  const composer = (await counsellor.talk.locator(".composer").boundingBox())!;
  expect(composer.y + composer.height).toBeLessThanOrEqual(pane.y + pane.height);
  expect(pane.y + pane.height).toBeLessThanOrEqual(page.viewportSize()!.height);
  await other.saysGoodbye();
  await counsellor.goesHome();
});
