// A young person asks to be forgotten: her counsellor notes it, a supervisor carries it out in two steps.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Child, Counsellor, inConversation } from "./people";

test("a request to be erased goes from the conversation to the floor, and is carried out", { tag: "@phone" }, async ({ page, someone }) => {
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  const supervisor = new Counsellor(await someone());
  await inConversation(child, counsellor);
  await child.writes("tu peux tout effacer ?");
  const id = (await counsellor.talk.getAttribute("id"))?.replace(/^talk-/, "");
  await counsellor.talk.locator(".talk-acts .menu > summary").click();
  await counsellor.talk.getByRole("button", { name: "Noter une demande d'effacement" }).click();
  await expect(counsellor.talk.getByText("Demande d'effacement notée : un responsable décide.")).toBeVisible();
  await picture(counsellor.page, "forget-desk");

  await supervisor.logsIn("dominique");
  await supervisor.page.goto("/desk/floor");
  await supervisor.hears();
  const asked = supervisor.page.locator("#floor-forget");
  await expect(asked).toContainText("notée par Camille");
  await expect(asked).toContainText("Le contact n'est pas encore clos");
  await counsellor.goesHome();
  await asked.getByText("Effacer…").click();
  await expect(asked.getByRole("button", { name: "Effacer pour toujours" })).toBeVisible();
  await picture(supervisor.page, "forget-floor");
  await expectAccessible(supervisor.page);
  await supervisor.page.goto(`/desk/history/${id}`);
  await expect(supervisor.page.getByText("Demande d'effacement notée")).toBeVisible();
  await picture(supervisor.page, "forget-history");
  await expectAccessible(supervisor.page);
  await supervisor.page.goto("/desk/floor");
  await asked.getByText("Effacer…").click();
  await supervisor.page.setViewportSize({ width: 320, height: 700 });
  await expectNoSideways(supervisor.page);
  await picture(supervisor.page, "forget-floor-320");
  await asked.getByLabel("J'ai vérifié la demande.").check();
  await asked.getByRole("button", { name: "Effacer pour toujours" }).click();
  await expect(asked).toBeEmpty();
  expect((await supervisor.page.request.get(`/desk/history/${id}`)).status(), "nobody finds it any more").toBe(404);
});
