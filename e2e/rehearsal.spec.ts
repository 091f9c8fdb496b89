// Whoever learns: an invented contact is followed, one is answered with a tutor who plays the young person, and what a trainee writes
// up of a real contact is co-signed.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { logsIn } from "./staff";

test.describe("training", { tag: "@desk" }, () => {
  test("a trainee answers an invented young person whom her tutor plays", async ({ someone }) => {
    test.setTimeout(180_000);
    const tutor = await someone();
    await logsIn(tutor, "morgane");
    await tutor.goto("/desk/training");
    await expectAccessible(tutor);
    await picture(tutor, "training");
    await tutor.getByLabel("Qui répond").selectOption({ label: "Noé" });
    await tutor.getByRole("button", { name: "Commencer" }).click();
    await expect(tutor.getByText("Noé répond, Morgane joue le jeune.")).toBeVisible();
    const trainee = await someone();
    await logsIn(trainee, "noe");
    await trainee.goto(tutor.url());
    await trainee.getByLabel("Votre réponse").fill("Je te crois, et ce n'est pas ta faute.");
    await trainee.getByRole("button", { name: "Envoyer" }).click();
    await expect(tutor.getByText("Je te crois, et ce n'est pas ta faute.")).toBeVisible();
    await tutor.getByRole("button", { name: "Se sent cru" }).click();
    await expect(trainee.getByText("j'ai trop honte")).toBeVisible();
    await tutor.getByLabel("Une remarque").fill("Très bien, la confiance d'abord.");
    await tutor.getByRole("button", { name: "Ajouter la remarque" }).click();
    await expect(trainee.getByText("Très bien, la confiance d'abord.")).toBeVisible();
    await expectAccessible(tutor);
    await picture(tutor, "exercise-tutor");
    for (const intent of ["On lui demande s'il est en sécurité", "Comprend quoi faire", "Voit la prochaine étape"]) await tutor.getByRole("button", { name: intent }).click();
    await expect(trainee.getByRole("heading", { name: "Le bilan" })).toBeVisible();
    await trainee.reload();
    await trainee.setViewportSize({ width: 320, height: 640 });
    await expectAccessible(trainee);
    await expectNoSideways(trainee);
    await picture(trainee, "exercise-debrief-small");
  });
});
