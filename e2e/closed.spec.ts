// While nobody is there: who answers now comes first, and a message can be left. Half an hour before, the
// line says so, and nobody who waits is cut.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Administrator, Child, Counsellor, phone } from "./people";
import { seesAlarms } from "./staff";

// Hours that the clock of this machine obeys; each test says them first.
test.use({ keepsHours: true });

/** The hours of a helpline that answers today only in these periods, "09:00" to "23:00", and tomorrow from nine. */
function today(periods: { from: string; to: string }[]): string {
  const date = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Paris", dateStyle: "short" }).format(new Date());
  return `edition = 1
timezone = "Europe/Paris"
closing_soon_minutes = 30
holidays = ""
open_on_holidays = true
[[week]]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
from = "09:00"
to = "23:00"
[[exception]]
date = "${date}"
${periods.length === 0 ? "closed = true" : `periods = [${periods.map(({ from, to }) => `{ from = "${from}", to = "${to}" }`).join(", ")}]`}
`;
}

/** The clock of Paris in so many minutes. */
function inMinutes(minutes: number): string {
  return new Intl.DateTimeFormat("fr-FR", { timeZone: "Europe/Paris", hour: "2-digit", minute: "2-digit" }).format(Date.now() + minutes * 60_000);
}

const closed = today([]);
const closing = () => today([{ from: "00:00", to: inMinutes(20) }]);

test("closed: who answers now comes first, on the first page and in the chat", { tag: ["@phone", "@small", "@dark"] }, async ({ page, context, someone }) => {
  const administrator = new Administrator(await someone());
  await administrator.publishes("hours", closed);

  await page.goto("/");
  await expect(page.getByRole("link", { name: "Laisser un message", exact: true })).toBeVisible();
  await picture(page, "home-closed");
  await expectNoSideways(page);
  await expectAccessible(page);

  await page.goto("/chat");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("On dort un peu, mais d'autres veillent");
  await expect(page.getByText("On est de retour demain à 9 h.")).toBeVisible();
  const order = await page.locator("main").locator("a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  expect(order.slice(0, -1).every((href) => /^(tel|sms):/.test(href ?? "")), `numbers first: ${order.join(" ")}`).toBe(true);
  expect(order.at(-1)).toBe("/message");
  expect(order, "we do not answer now").not.toContain("tel:3018");
  expect(await context.cookies()).toEqual([]);
  await picture(page, "closed");
  await expectNoSideways(page);
  await expectAccessible(page);
});

test("closed: a message is left, with the wish to be called; its four words bring her back when we are open", async ({ page, someone }) => {
  const administrator = new Administrator(await someone());
  await administrator.publishes("hours", closed);
  const counsellor = new Counsellor(await someone());
  await counsellor.logsIn("camille");

  await page.goto("/chat");
  await page.getByRole("link", { name: "Nous laisser un message" }).click();
  await page.getByLabel("Ton message").fill("Quelqu'un se fait passer pour moi sur Snap.");
  await page.getByText("Tu veux qu'on t'appelle ?").click();
  await page.getByLabel("Sur quel numéro ?").fill("06 39 98 00 00");
  await page.getByLabel("Quand ?").fill("demain après 17 h");
  await picture(page, "letter");
  await expectNoSideways(page);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Envoyer le message" }).click();
  await expect(page.getByRole("heading", { name: "Ton message est bien arrivé" })).toBeVisible();
  await expect(page.locator(".number")).toHaveCount(0);
  await page.getByRole("button", { name: "Voir mes 4 mots" }).click();
  await expect(page.locator(".words-word")).toHaveCount(4);
  const words = await page.locator(".words-word").allInnerTexts();
  await picture(page, "letter-left");
  await expectNoSideways(page);
  await expectAccessible(page);

  await administrator.publishes("hours", today([{ from: "00:00", to: "24:00" }]));
  await expect(counsellor.page.locator("#line li")).toHaveCount(1);
  await counsellor.page.locator("#line").getByRole("button", { name: "Prendre" }).click();
  await counsellor.reads(["Quelqu'un se fait passer pour moi sur Snap."]);
  await expect(counsellor.page.locator("body")).toContainText("06 39 98 00 00");

  const back = new Child(await someone(phone));
  await back.comesBackWith(words.join(" "));
  await back.isWith("Camille");
  await counsellor.goesHome();
});

test("closed: a message that speaks of dying shows who answers now, and rings the supervisor's desk", async ({ page, someone }) => {
  const administrator = new Administrator(await someone());
  await administrator.publishes("hours", closed);
  const supervisor = new Counsellor(await someone());
  await supervisor.logsIn("dominique");

  await page.goto("/message");
  await page.getByLabel("Ton message").fill("j'en peux plus, je veux mourir ce soir");
  await page.getByRole("button", { name: "Envoyer le message" }).click();
  await expect(page.locator(".lead")).toContainText("N'attends pas notre ouverture : ces numéros répondent maintenant.");
  await expect(page.locator(".number").first()).toBeVisible();
  await picture(page, "letter-danger");
  await expectNoSideways(page);
  await expectAccessible(page);

  await expect(supervisor.page.locator("#desk-alarms .alert").first()).toContainText("Un mot de danger est écrit dans un message laissé.");
  await supervisor.page.reload();
  await expect(supervisor.page.locator("#desk-alarms .alert"), "until she has seen it").toHaveCount(1);
  await seesAlarms(supervisor.page);
  await supervisor.page.locator("#line").getByRole("button", { name: "Prendre" }).click();
  await supervisor.reads(["j'en peux plus, je veux mourir ce soir"]);
  await supervisor.goesHome();
});

test("the last half hour: the line says so, and whoever is in it is still answered after closing", async ({ page, someone }) => {
  const administrator = new Administrator(await someone());
  await administrator.publishes("hours", closing());
  const child = new Child(page);

  await page.goto("/chat");
  await expect(page.getByText("On ferme bientôt. Si tu entres maintenant, on ne te laisse pas sans réponse.")).toBeVisible();
  await picture(page, "start-closing");
  await child.opensChat();
  await expect(child.state).toContainText("Reste : personne dans la file n'est laissé sans réponse.");
  await picture(page, "waiting-closing");
  await expectAccessible(page);

  await administrator.publishes("hours", closed);
  await page.reload();
  await expect(child.state).toContainText("On a fermé");
  const late = await someone(phone);
  await late.goto("/chat");
  await expect(late.getByRole("heading", { name: "On dort un peu, mais d'autres veillent" })).toBeVisible();

  const counsellor = new Counsellor(await someone());
  await counsellor.answers();
  await child.isWith("Camille");
  await child.writes("merci d'être resté");
  await expect(counsellor.bubble("merci d'être resté")).toBeVisible();
  await counsellor.goesHome();
});

test("closing time: whoever still waits and has written nothing is led to write it, and keeps her four words", async ({ page, someone }) => {
  const administrator = new Administrator(await someone());
  await administrator.publishes("hours", closing());
  const child = new Child(page);
  await child.opensChat("On me harcèle, on se moque de moi");
  await child.hears();
  await administrator.publishes("hours", closed);
  await expect(child.state, "her page hears of it by itself").toContainText("Sinon, on te lit demain à 9 h.");
  await picture(page, "waiting-closed");
  await expectNoSideways(page);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Me répondre à l'ouverture" }).click();
  await page.getByLabel("Ton message").fill("On se moque de moi tous les jours.");
  await expect(page.getByText("On le lira demain à partir de 9 h.")).toBeVisible();
  await page.getByRole("button", { name: "Envoyer le message" }).click();
  await expect(page.getByRole("heading", { name: "Ton message est bien arrivé" })).toBeVisible();
  await expect(page.locator(".lead")).toContainText("On le lira à l'ouverture.");
  expect(await child.asksForWords()).toHaveLength(4);

  await administrator.publishes("hours", today([{ from: "00:00", to: "24:00" }]));
  const counsellor = new Counsellor(await someone());
  await counsellor.logsIn("camille");
  await expect(counsellor.page.locator("#line li"), "her empty place was given up").toHaveCount(1);
  await counsellor.page.locator("#line").getByRole("button", { name: "Prendre" }).click();
  await counsellor.reads(["On se moque de moi tous les jours."]);
  await counsellor.goesHome();
});
