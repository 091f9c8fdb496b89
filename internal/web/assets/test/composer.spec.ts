import { expect, test } from "./stage";

const page = `
  <chat-log class="chat-log"><div data-log-view role="log" tabindex="0"><ol id="log" role="list"></ol></div><button data-log-new hidden>Nouveau</button></chat-log>
  <chat-composer data-log="log" data-typing="/typing" data-max="40" data-too-long="trop long" data-pasted="collé" data-enter="send">
    <form method="post" action="/send"><input type="hidden" name="message_id" value="x"><textarea name="body"></textarea><button>Envoyer</button><p role="alert" data-composer-fault></p></form>
    <template data-bubble><li class="bubble bubble-mine" data-from="visitor"><p data-bubble-text></p>
      <span data-delivery="sending" hidden>envoi</span><span data-delivery="sent" hidden>envoyé</span><span data-delivery="retrying" hidden>on réessaie</span><span data-delivery="refused" hidden>pas parti</span></li></template>
  </chat-composer>`;

const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("a message is shown at once, sent with an id made here, and marked sent when the server has it", async ({ page: tab, stage }) => {
  await stage.show(tab, "chat.js", page);
  await tab.locator("textarea").fill("bonsoir");
  await tab.locator("textarea").press("Enter");
  const bubble = tab.locator("#log li");
  await expect(bubble).toHaveCount(1);
  await expect(bubble.getByText("bonsoir")).toBeVisible();
  await expect(bubble.getByText("envoyé")).toBeVisible();
  await expect(tab.locator("textarea")).toHaveValue("");
  await expect.poll(() => stage.of("/send")).toHaveLength(1);
  const [sent] = stage.of("/send");
  expect(sent?.["body"]).toBe("bonsoir");
  expect(sent?.["message_id"]).toMatch(uuid7);
  expect(await bubble.getAttribute("id")).toBe(`m-${sent?.["message_id"]}`);
});

test("a server that fails is tried again with the same id, and what was written after waits its turn", async ({ page: tab, stage }) => {
  let down = true;
  stage.answer = (post) => ({ status: post.path === "/send" && down ? 503 : 204 });
  await stage.show(tab, "chat.js", page);
  for (const words of ["un", "deux"]) {
    await tab.locator("textarea").fill(words);
    await tab.locator("textarea").press("Enter");
  }
  await expect(tab.getByText("on réessaie").first()).toBeVisible();
  await expect.poll(() => stage.of("/send").length).toBeGreaterThan(1);
  down = false;
  await expect(tab.locator("#log li").nth(1).getByText("envoyé")).toBeVisible({ timeout: 15_000 });
  const sent = stage.of("/send");
  expect(sent.map((p) => p["body"])).toEqual([...Array(sent.length - 1).fill("un"), "deux"]);
  expect(new Set(sent.map((p) => p["message_id"])).size, "two messages, two ids, whatever the tries").toBe(2);
  await expect(tab.locator("#log li")).toHaveCount(2);
});

test("a lost network is tried again when it is back, and nothing is doubled", async ({ page: tab, stage, context }) => {
  await stage.show(tab, "chat.js", page);
  await context.setOffline(true);
  await tab.locator("textarea").fill("tu m'entends ?");
  await tab.locator("textarea").press("Enter");
  await expect(tab.getByText("on réessaie")).toBeVisible();
  await context.setOffline(false);
  await expect(tab.getByText("envoyé")).toBeVisible();
  expect(stage.of("/send")).toHaveLength(1);
});

test("the message as the server keeps it takes the place of the one shown at once", async ({ page: tab, stage }) => {
  stage.answer = (post) =>
    post.path === "/send"
      ? { status: 200, type: "text/html", body: `<li id="m-${post.fields["message_id"]}" data-seq="7" data-into="log" data-from="visitor">bonsoir, reçu à 21:04</li>` }
      : { status: 204 };
  await stage.show(tab, "chat.js", page);
  await tab.locator("textarea").fill("bonsoir");
  await tab.locator("textarea").press("Enter");
  await expect(tab.locator("#log li")).toHaveText(["bonsoir, reçu à 21:04"]);
});

test("an answer that comes after the message was seen does not take that back", async ({ page: tab, stage }) => {
  const kept = (id: string | undefined, state: string): string => `<li id="m-${id}" data-seq="7" data-into="log" data-from="visitor">bonsoir, ${state}</li>`;
  // The first answer is lost; the stream brings the message, seen, before it is sent again.
  stage.answer = ({ path, fields }) => {
    if (path !== "/send" || fields["body"] !== "bonsoir") return { status: 204 };
    return stage.of("/send").length === 1 ? { status: 503 } : { status: 200, type: "text/html", body: kept(fields["message_id"], "envoyé") };
  };
  await stage.show(tab, "chat.js", `<live-stream src="/live"></live-stream>${page}`);
  await expect.poll(() => stage.streams.length).toBe(1);
  await tab.locator("textarea").fill("bonsoir");
  await tab.locator("textarea").press("Enter");
  await expect.poll(() => stage.of("/send").length).toBe(1);
  stage.update(kept(stage.of("/send")[0]?.["message_id"], "vu"));
  await tab.locator("textarea").fill("après");
  await tab.locator("textarea").press("Enter");
  await expect.poll(() => stage.of("/send").at(-1)?.["body"], { timeout: 15_000 }).toBe("après");
  await expect(tab.locator("#log li").first()).toHaveText("bonsoir, vu");
});

test("a refused message says why, and its words come back to the field", async ({ page: tab, stage }) => {
  stage.answer = (post) => (post.path === "/send" ? { status: 410, type: "text/plain; charset=utf-8", body: "La conversation est close." } : { status: 204 });
  await stage.show(tab, "chat.js", page);
  await tab.locator("textarea").fill("encore un mot");
  await tab.locator("textarea").press("Enter");
  await expect(tab.getByRole("alert")).toHaveText("La conversation est close.");
  await expect(tab.getByText("pas parti")).toBeVisible();
  await expect(tab.locator("textarea")).toHaveValue("encore un mot");
});

test("too long a text is never cut and never sent", async ({ page: tab, stage }) => {
  await stage.show(tab, "chat.js", page);
  const long = "a".repeat(41);
  await tab.locator("textarea").fill(long);
  await expect(tab.getByRole("alert")).toHaveText("trop long");
  await tab.locator("textarea").press("Enter");
  await expect(tab.locator("textarea")).toHaveValue(long);
  expect(stage.of("/send")).toEqual([]);
});

test("Shift and Enter make a line; what is typed is announced, never sent", async ({ page: tab, stage }) => {
  await stage.show(tab, "chat.js", page);
  await tab.locator("textarea").pressSequentially("un");
  await tab.locator("textarea").press("Shift+Enter");
  await tab.locator("textarea").pressSequentially("deux");
  await expect(tab.locator("textarea")).toHaveValue("un\ndeux");
  expect(stage.of("/typing"), "one announcement in three seconds").toEqual([{ on: "1" }]);
  await tab.locator("textarea").fill("");
  await expect.poll(() => stage.of("/typing")).toEqual([{ on: "1" }, { on: "0" }]);
  expect(stage.of("/send")).toEqual([]);
});

test("nothing of a conversation is in the browser's storage", async ({ page: tab, stage }) => {
  await stage.show(tab, "chat.js", page);
  await tab.locator("textarea").fill("un secret");
  await tab.locator("textarea").press("Enter");
  await tab.locator("textarea").fill("un brouillon");
  await expect(tab.getByText("envoyé")).toBeVisible();
  expect(await tab.evaluate(async () => ({ local: localStorage.length, session: sessionStorage.length, bases: (await indexedDB.databases()).length, cookie: document.cookie }))).toEqual({ local: 0, session: 0, bases: 0, cookie: "" });
});
