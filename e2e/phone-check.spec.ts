// Whom we believe: somebody who says that she is the police is called back on a number of our list, and a line that sends
// us callers has a receipt for each.
import { baresipIsMissing, expect, hears, test } from "./calls";
import { expectAccessible, expectNoSideways, picture } from "./vigie";
import { Child } from "./people";
import { logsIn, unfolds } from "./staff";

test("the police call: nothing is told, the brigade is called back on its listed number, and the form says so", { tag: "@desk" }, async ({ desk, rings, outside }) => {
  test.skip(baresipIsMissing && !process.env.VIGIE_FORBID_SKIPS, "not run without an outside telephone (apt-get install baresip)");
  test.setTimeout(180_000);
  const camille = await desk("camille");
  const { page } = camille;
  const caller = await rings({ from: "+33639980140" });
  await camille.accepts();
  await camille.is("talking");
  await hears(caller, "camille");

  await test.step("she says that she is the police, and a card says what to do", async () => {
    await unfolds(camille);
    await expect(camille.form).not.toContainText("Ne dites rien avant le rappel");
    await camille.form.locator("select[name=who]").selectOption("police");
    await expect(camille.form.locator(".check")).toContainText("Ne dites rien avant le rappel");
    await expect(camille.form.locator(".check")).toContainText("Non vérifié.");
    await camille.form.locator(".check").scrollIntoViewIfNeeded();
    await picture(page, "check-card");
    await expectAccessible(page);
  });

  const brigade = await outside("0199001717");
  await test.step("she chooses the service from the list; the caller hears why, and is hung up", async () => {
    await camille.command("vérifier qui appelle");
    const service = camille.talk.getByLabel("Quel service rappeler ?");
    await expect(service).toBeFocused();
    await expect(service.locator("optgroup")).toHaveCount(3);
    await picture(page, "check-menu");
    await expectAccessible(page);
    await service.focus(); // as she does: while she is in the menu nothing is drawn over her choice
    await service.selectOption("brigade");
    await camille.talk.getByRole("button", { name: "Terminer et rappeler maintenant" }).click();
    await expect(camille.talk).toContainText("L'appel est terminé.");
    await caller.isHungUp();
  });

  await test.step("the brigade answers, and says that the call was theirs", async () => {
    await camille.is("talking");
    await expect(camille.call).toContainText("Brigade des mineurs de Vigie-sur-Mer");
    await hears(camille, "outside");
    await hears(brigade, "camille");
    await expect(camille.form.locator(".check")).toContainText("Le service dit-il que l'appel venait de chez lui ?");
    await picture(page, "check-reached");
    await expectAccessible(page);
    await camille.form.getByRole("button", { name: "Oui, il confirme" }).click();
    await expect(camille.form.locator(".check")).toContainText("Vérifié par un rappel au numéro Brigade des mineurs de Vigie-sur-Mer");
    await expect(camille.form.locator(".check")).toContainText("par Camille");
    await camille.presses("Raccrocher");
    await camille.is("none");
    await expect(camille.form.locator(".check")).not.toContainText("Ne dites rien");
    await picture(page, "check-confirmed");
    await expectAccessible(page);
  });
  await camille.goesHome();
});

test("somebody who writes that she is a network: the chat ends kindly, and the call-back is booked", { tag: "@desk" }, async ({ desk, someone }) => {
  test.setTimeout(120_000);
  const camille = await desk("camille");
  const writer = new Child(await someone());
  await writer.opensChat();
  await camille.accepts();
  await writer.isWith("Camille");
  await camille.talk.getByText("Plus", { exact: true }).click();
  await camille.talk.getByLabel("Quel service rappeler ?").selectOption("sablier");
  await camille.talk.getByRole("button", { name: "Terminer et rappeler plus tard" }).click();
  await expect(writer.page.getByText("on rappelle toujours nous-mêmes")).toBeVisible();
  await expect(camille.form.locator(".check")).toContainText("Non vérifié. À rappeler : Sablier, équipe de confiance.");
  await expect(camille.form.getByRole("button", { name: "Rappeler maintenant" })).toBeVisible();
  await camille.page.setViewportSize({ width: 320, height: 640 });
  await camille.page.emulateMedia({ colorScheme: "dark" });
  await camille.form.locator(".check").scrollIntoViewIfNeeded();
  await picture(camille.page, "check-booked-small-night");
  await expectNoSideways(camille.page);
  await expectAccessible(camille.page);
  await camille.goesHome();
});

test("the 119 sends a child: the receipt is seen while it rings, and a supervisor tells its times and nothing else", { tag: "@desk" }, async ({ desk, rings, someone }) => {
  test.setTimeout(120_000);
  const camille = await desk("camille");
  const caller = await rings({ from: "+33199001119" });
  await camille.is("ringing");
  const code = camille.call.locator(".receipt-code");
  await expect(code).toHaveText(/^119-[2-9A-Z]{4}$/);
  await expect(camille.call).toContainText("Dites ce reçu à la personne qui vous passe l'enfant.");
  const receipt = await code.innerText();
  await picture(camille.page, "receipt-rings");
  await expectAccessible(camille.page);
  await camille.accepts();
  await camille.is("talking");
  await expect(code).toHaveText(receipt);
  await hears(caller, "camille");
  await expect(camille.form).toContainText(receipt);
  await picture(camille.page, "receipt-talks");
  await camille.page.setViewportSize({ width: 320, height: 640 });
  await camille.page.emulateMedia({ colorScheme: "dark" });
  await picture(camille.page, "receipt-small-night");
  await expectNoSideways(camille.page);
  await expectAccessible(camille.page);
  await caller.hangsUp();

  const floor = await someone();
  await logsIn(floor, "dominique");
  await floor.goto("/desk/floor");
  const reader = floor.locator("#floor-receipt");
  await reader.getByLabel("Reçu", { exact: true }).fill(receipt.toLowerCase().replace("-", " "));
  await reader.getByRole("button", { name: "Lire ce qu'on peut dire" }).click();
  await expect(reader).toContainText("Appel envoyé par le 119");
  await expect(reader.locator("dt")).toHaveText(["Appel reçu", "Réponse", "Clos"]);
  await expect(reader, "who answered is nobody's to tell").not.toContainText("Camille");
  await reader.scrollIntoViewIfNeeded();
  await picture(floor, "receipt-floor");
  await expectAccessible(floor);
  await reader.getByLabel("Reçu", { exact: true }).fill("119-AAAA");
  await reader.getByLabel("Reçu", { exact: true }).press("Enter");
  await expect(reader).toContainText("Ce reçu n'est pas connu.");
  await expect(reader.locator("dt")).toHaveCount(0);
  await expect(reader.getByLabel("Reçu", { exact: true })).toBeFocused();
  await floor.setViewportSize({ width: 320, height: 640 });
  await floor.emulateMedia({ colorScheme: "dark" });
  await reader.scrollIntoViewIfNeeded();
  await picture(floor, "receipt-floor-unknown-small-night");
  await expectNoSideways(floor);
  await expectAccessible(floor);
  await camille.goesHome();
});
