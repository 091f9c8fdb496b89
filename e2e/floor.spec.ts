// The supervisors' floor: who is left to their decision, who waits and who is there; and the counsellor who
// sees that two contacts are one story, or asks for the address of somebody whose life is in danger.
import { expect, expectAccessible, expectNoSideways, looksRightEverywhere, picture, test } from "./vigie";
import { Child, Counsellor } from "./people";
import { act, childWaits, contactOf, counsellorReady, logsIn, more, phone, seesAlarms, talking, unfolds } from "./staff";

test.describe("the floor", { tag: "@desk" }, () => {
  test("a child in danger who left stays until a supervisor has taken care of her", async ({ page, someone, guard }) => {
    test.slow();
    const { child, counsellor } = await talking(someone);
    await child.writes("je veux mourir");
    await expect(counsellor.talk.locator(".reason-grave")).toBeVisible();

    await logsIn(page, "dominique");
    await page.goto("/desk/floor");
    await expect(page.getByText("Rien à décider : personne en danger n'attend votre décision.")).toBeVisible();
    await expect(page.locator("live-stream")).toHaveAttribute("data-state", "open");
    await guard.leavesFor(child.page, "https://meteofrance.com/");
    await child.leavesQuickly();
    const card = page.locator("#floor-decide .contact");
    await expect(card).toContainText("dit vouloir mourir");
    await expect(card).toContainText("Camille");
    await expect(counsellor.talk).toContainText("une personne responsable décide");
    await expect(counsellor.talk.locator("form[action$='/end']"), "not hers to end").toHaveCount(0);
    await picture(page, "floor-decide");
    await expectAccessible(page);

    await card.getByRole("button", { name: "Je m'en occupe" }).click();
    await expect(counsellor.talk).toHaveCount(0);
    await page.goto("/desk");
    const supervisor = new Counsellor(page);
    await supervisor.talk.locator("form[action$='/end'] button").click();
    await unfolds(supervisor);
    await supervisor.form.locator("select[name=who]").selectOption("child");
    await supervisor.form.locator("select[name=category_main]").selectOption({ index: 1 });
    await supervisor.form.locator("select[name=outcome]").selectOption("heard");
    for (const missing of await supervisor.form.locator(".panel-missing li").allInnerTexts()) {
      await supervisor.form.getByLabel(missing, { exact: true }).first().fill("la suite").catch(() => undefined);
    }
    await expect(supervisor.form.locator(".panel-missing li")).toHaveCount(0);
    await supervisor.form.getByRole("button", { name: "Clore le contact" }).click();
    await expect(supervisor.talk).toHaveCount(0);
    await counsellor.goesHome();
  });

  test("a danger rings at the desks that open after it, until one of two supervisors has seen it", async ({ page, someone, guard }) => {
    const child = await childWaits(someone);
    await child.writes("je veux mourir");
    await expect(child.bubble("je veux mourir")).toBeVisible();

    const one = new Counsellor(page);
    await one.logsIn("dominique");
    const other = new Counsellor(await someone());
    await other.logsIn("morgane");
    const ringing = (desk: Counsellor) => desk.page.locator("#desk-alarms .alert");
    for (const desk of [one, other]) await expect(ringing(desk).first()).toContainText("Un mot de danger a été écrit. Regardez la file.");
    await picture(page, "alarm");
    await expectAccessible(page);
    await page.goto("/desk/floor");
    await expect(ringing(one).first(), "and at her floor").toBeVisible();
    await expect(page).toHaveTitle(/^● /);
    await picture(page, "alarm-floor");
    await seesAlarms(page);
    await expect(ringing(other), "seen by one is seen for both").toHaveCount(0);
    await other.page.reload();
    await other.hears();
    await expect(ringing(other)).toHaveCount(0);

    await guard.leavesFor(child.page, "https://meteofrance.com/");
    await child.leavesQuickly();
    await one.liftsDanger();
  });

  test("a supervisor has a child ring at the desk she names, sees who is there, and sets away who left", async ({ page, someone }) => {
    const busy = new Counsellor(await someone());
    await busy.logsIn("camille");
    await busy.becomes("busy");
    const child = await childWaits(someone);
    await logsIn(page, "dominique");
    await page.goto("/desk/floor");
    await expect(page.locator("#floor-line .floor-row")).toHaveCount(1);
    await expect(page.locator(".floor-seat", { hasText: "Camille" })).toContainText("En conversation");
    await page.locator("#floor-line .floor-acts > summary").click();
    await page.locator("#floor-line form[action$='/assign'] button").click();
    await expect(page.locator("#floor-line")).toContainText("Ça sonne chez Camille.");
    await busy.accepts();
    await child.isWith("Camille");
    await expect(page.locator("#floor-line")).toContainText("Personne n'attend.");
    await busy.goesHome();
    await busy.page.goto("/desk");
    await busy.becomes("available");
    await page.locator(".floor-seat", { hasText: "Camille" }).getByRole("button", { name: "Mettre absent" }).click();
    await expect(busy.page.locator(".presence-switch > summary.presence-away")).toBeVisible();
  });

  test("a switch is kept, and a block is lifted before its time", async ({ page, someone }) => {
    const { child, counsellor } = await talking(someone);
    await act(counsellor.talk, "block", { reason: "insults", hours: "1" });
    await logsIn(page, "dominique");
    await page.goto("/desk/floor");
    const block = page.locator("#floor-blocks .floor-seat").first();
    await expect(block).toContainText("Insultes");
    await block.getByRole("button", { name: "Lever" }).click();
    await expect(block).toContainText("levé par Dominique");
    await page.getByLabel("Conversations en plus").selectOption("2");
    await page.locator("#floor-switches form[action='/desk/floor/surge'] button").click();
    await expect(counsellor.page.locator(".presence-load")).toContainText("sur 5");
    await page.getByLabel("Calcul silencieux à l'entrée").selectOption("always");
    const kept = page.waitForResponse((response) => response.url().endsWith("/desk/floor/proof"));
    await page.locator("form[action='/desk/floor/proof'] button").click();
    await kept; // a reload takes back what has not left yet
    await page.reload();
    await expect(page.getByLabel("Conversations en plus")).toHaveValue("2");
    await expect(page.getByLabel("Calcul silencieux à l'entrée")).toHaveValue("always");

    // A browser does the computation by itself; one without scripts is given the number to call.
    const proven = await childWaits(someone);
    await picture(page, "floor-switches");
    for (const [label, value, form] of [["Conversations en plus", "0", "surge"], ["Calcul silencieux à l'entrée", "auto", "proof"]] as const) {
      await page.getByLabel(label).selectOption(value);
      await page.locator(`#floor-switches form[action='/desk/floor/${form}'] button`).click();
    }
    await expect(counsellor.page.locator(".presence-load")).toContainText("sur 3");
    await proven.saysGoodbye();
    await child.saysGoodbye();
    await counsellor.goesHome();
  });

  test("a counsellor who is threatened ends it in one act; a supervisor is rung, and closes the incident", async ({ page, someone }) => {
    const { child, counsellor } = await talking(someone);
    await child.writes("je sais où tu habites");
    await expect(counsellor.bubble("je sais où tu habites")).toBeVisible();
    await logsIn(page, "dominique");
    await page.goto("/desk/floor");
    await expect(page.locator("live-stream")).toHaveAttribute("data-state", "open");

    const menu = await more(counsellor.talk);
    await expect(menu.locator("form[action$='/threat'] button")).toHaveText("Menace : terminer et prévenir");
    await picture(counsellor.page, "threat-menu");
    await expectAccessible(counsellor.page);
    await act(counsellor.talk, "threat", { hours: "1" });
    await expect(counsellor.talk.locator(".talk-said")).toContainText("Les responsables sont prévenus, et un incident est ouvert.");
    await expect(counsellor.talk.locator(".talk-said")).toContainText("Bloqué jusqu'au");
    await picture(counsellor.page, "threat-said");
    await expect(child.page.locator(".over")).toContainText("les menaces y mettent fin");
    await picture(child.page, "threat-over");

    await expect(page.locator("#desk-alarms")).toContainText("Camille a reçu des menaces et a mis fin à la conversation.");
    const incident = page.locator("#floor-incidents .notice");
    await expect(incident).toContainText("signalé par Camille");
    await picture(page, "incident");
    await expectAccessible(page);
    await seesAlarms(page);
    await incident.getByLabel("Ce qui a été fait").fill("Police prévenue. Camille accompagnée.");
    await incident.getByRole("button", { name: "Clore l'incident" }).click();
    await expect(incident).toHaveCount(0);
    await counsellor.goesHome();
  });

  test("the network address of somebody in danger is read by two people, once", async ({ page, someone }) => {
    const { child, counsellor } = await talking(someone);
    await child.writes("je veux mourir");
    await expect(counsellor.talk.locator(".reason-grave")).toBeVisible();
    await logsIn(page, "dominique");
    await act(counsellor.talk, "hold");
    await expect(counsellor.form).toContainText("Une deuxième personne doit confirmer");
    await expect(page.locator("#desk-alert")).toContainText("Confirmez dans la minute");
    const tooSoon = await counsellor.page.request.post(`/desk/contacts/${await contactOf(counsellor.talk)}/hold/read`);
    expect(tooSoon.status()).toBe(403);
    await page.goto("/desk/floor");
    await page.getByRole("button", { name: "Confirmer" }).click();
    await expect(page.locator("#floor-holds")).toContainText("Confirmée à");
    await counsellor.form.getByRole("button", { name: "Lire l'adresse ou le numéro" }).click();
    await expect(counsellor.form.locator(".hold-address")).toHaveText(/203\.0\.113\.\d+, port/);
    await counsellor.page.reload();
    await expect(counsellor.form.locator(".hold")).toContainText("Lue à");
    await expect(counsellor.page.locator("body")).not.toContainText("203.0.113.");
    await page.reload();
    await expect(page.locator("#floor-holds")).toContainText("Lue à");
    await page.getByRole("button", { name: "Ne plus la garder" }).click();
    await page.reload();
    await expect(page.locator("#floor-holds section")).toHaveCount(0);
    await counsellor.goesHome();
  });

  test("two contacts of one home: a human says what they are to one another", async ({ page, someone }) => {
    const home = { ...phone, extraHTTPHeaders: { "X-Forwarded-For": "198.51.100.7" } };
    const mother = await childWaits((look) => someone({ ...look, ...home }));
    const child = await childWaits((look) => someone({ ...look, ...home }), "On me menace avec une photo ou une vidéo de moi");
    const desk = new Counsellor(page);
    await desk.logsIn("camille");
    const same = page.locator("#line .same-one");
    await expect(same).toHaveCount(2);
    await expect(same.first()).toContainText("Même connexion");
    await picture(page, "same");
    await same.first().locator("summary").click();
    await same.first().getByRole("button", { name: "Même famille" }).click();
    await expect(same.first()).toContainText("Même famille, dit Camille");
    await desk.becomes("available");
    await desk.accepts();
    await expect(desk.form.locator(".same-one")).toContainText("Même famille, dit Camille");
    await desk.form.locator(".same-one summary").click();
    await desk.form.locator(".same-one").getByRole("button", { name: "Rien à voir" }).click();
    await expect(page.locator(".same-one"), "and is not suggested again").toHaveCount(0);
    await expectAccessible(page);
    for (const person of [child, mother]) await person.saysGoodbye();
    await desk.goesHome();
  });
});

test("the floor on a phone, and at night", { tag: ["@small", "@dark"] }, async ({ page, someone }) => {
  const child = await childWaits(someone);
  await child.writes("je veux mourir");
  await expect(child.bubble("je veux mourir")).toBeVisible();
  await logsIn(page, "dominique");
  await page.goto("/desk/floor");
  await expect(page.locator("#floor-line .floor-row")).toHaveCount(1);
  await expect(page.locator("#desk-alarms .alert")).toHaveCount(1);
  await picture(page, "floor");
  await expectNoSideways(page);
  await expectAccessible(page);
  await seesAlarms(page);
  await child.saysGoodbye();
  await new Counsellor(page).liftsDanger();
});

test("what one tab writes in the form is in the other, and no hand is drawn over", { tag: "@desk" }, async ({ someone }) => {
  const { counsellor } = await talking(someone);
  const id = await contactOf(counsellor.talk);
  const other = new Counsellor(await counsellor.page.context().newPage());
  await other.page.goto(`/desk?c=${id}`);
  await other.hears();
  const name = (tab: Counsellor) => tab.form.getByLabel("Prénom ou surnom donné");
  for (const tab of [counsellor, other]) await unfolds(tab);
  await name(counsellor).fill("Lou");
  await name(counsellor).press("Tab");
  await expect(name(other)).toHaveValue("Lou");
  await name(other).fill("Lou-Anne");
  await name(other).press("Tab");
  await expect(name(counsellor)).toHaveValue("Lou-Anne");
  await other.form.locator("select[name=who]").selectOption("parent");
  await expect(counsellor.form.locator("select[name=who]")).toHaveValue("parent");
  await other.page.close();
  await counsellor.goesHome();
});

test("the lists are narrowed, kept true, and everything is done from a line", { tag: "@desk" }, async ({ page, someone }) => {
  test.setTimeout(180_000);
  const first = await childWaits(someone);
  const english = new Child(await someone(phone));
  await english.opensChat("", "/en/chat");
  const grave = await childWaits(someone);
  await grave.writes("je veux mourir");
  await expect(grave.bubble("je veux mourir")).toBeVisible();

  await logsIn(page, "dominique");
  await page.goto("/desk/floor");
  const rows = page.locator("#floor-line-rows > :visible");
  const said = page.locator("[data-floor-said]");
  await expect(page.locator("live-stream")).toHaveAttribute("data-state", "open");
  await expect(rows).toHaveCount(3);
  await expect(page.locator("#floor-line-count")).toHaveText("3");
  await expect(rows.first(), "who is in danger comes first").toContainText("dit vouloir mourir");
  await page.getByLabel("Langue").selectOption("en");
  await expect(rows).toHaveCount(1);
  await expect(said).toHaveText("1 sur 3");
  await page.getByRole("button", { name: "Tout montrer" }).click();
  await page.getByLabel("En danger seulement").check();
  await expect(rows).toHaveCount(1);
  const another = await childWaits(someone);
  await expect(page.locator("#floor-line-count"), "who comes is counted").toHaveText("4");
  await expect(said).toHaveText("1 sur 4");
  await expect(rows, "and hidden by the filter").toHaveCount(1);
  await page.getByLabel("Depuis au moins").selectOption("60");
  await expect(page.locator("#floor-line").getByText("Aucune ligne ne correspond au filtre.")).toBeVisible();
  await page.getByRole("button", { name: "Tout montrer" }).click();
  await expect(rows).toHaveCount(4);
  await page.getByLabel("Chercher dans les lignes").fill("EN");
  await expect(rows).toHaveCount(1);
  await page.getByLabel("Chercher dans les lignes").fill("");
  await looksRightEverywhere(page, "floor-lists");

  // Gone without anybody reloading.
  await another.saysGoodbye();
  await expect(rows).toHaveCount(3);

  // A conversation under way: from its line, all that the floor can do with it.
  const counsellor = await counsellorReady(someone, "camille");
  await counsellor.accepts();
  await grave.isWith("Camille");
  const talk = page.locator("#floor-under-way-rows > .floor-row", { hasText: "Camille" });
  await expect(talk).toHaveCount(1);
  await expect(rows).toHaveCount(2);
  await talk.locator(".floor-acts > summary").click();
  for (const name of ["Lire", "Suivre", "Chuchoter", "Rejoindre", "Reprendre"]) await expect(talk.getByRole("link", { name, exact: true })).toBeVisible();
  await expect(talk.getByRole("button", { name: "Je m'en occupe" })).toBeVisible();
  await expectAccessible(page);
  await picture(page, "floor-acts");
  await talk.getByRole("link", { name: "Rejoindre" }).click();
  await page.getByLabel("Sécurité").check();
  await page.getByRole("button", { name: "Rejoindre la conversation" }).click();
  await expect(page.locator("#listen")).toHaveAttribute("data-state", "joined");
  await expect(counsellor.talk.locator(".listened")).toContainText("Dominique");

  await page.goto("/desk/floor");
  await expect(talk, "who listens stands in the line").toContainText("Dominique");
  await talk.locator(".floor-acts > summary").click();
  await talk.getByText("Terminer la conversation").click();
  await talk.getByRole("button", { name: "Terminer", exact: true }).click();
  await expect(talk).toHaveCount(0);
  await expect(page.locator("#floor-under-way").getByText("Personne n'est en conversation.")).toBeVisible();
  await expect(grave.page.locator(".over")).toBeVisible();

  // Without scripts the same by pages.
  const plain = await someone({ javaScriptEnabled: false });
  await logsIn(plain, "morgane");
  await plain.goto("/desk/floor");
  await expect(plain.locator("#floor-line-rows > li")).toHaveCount(2);
  await plain.getByLabel("Langue").selectOption("en");
  await plain.getByRole("button", { name: "Filtrer" }).click();
  await expect(plain.locator("#floor-line-rows > li")).toHaveCount(1);
  await plain.locator("#floor-line-rows .floor-acts > summary").click();
  await plain.locator("#floor-line-rows .floor-acts a").click();
  await expect(plain.getByRole("button", { name: "Faire sonner" })).toBeVisible();
  await expectNoSideways(plain);

  await counsellor.goesHome();
  for (const person of [first, english]) await person.page.close();
});
