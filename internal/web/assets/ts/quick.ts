import { define, Live, post, sentence } from "./element";
import { place } from "./update";
import { rename, visit } from "./visit";

/**
 * Forms and links that answer with pieces of page (update.ts) instead of a new page, so that nothing
 * that is being typed elsewhere is lost. Without JavaScript they are plain forms and links.
 */
export async function quickly(form: HTMLFormElement, submitter?: HTMLElement | null): Promise<void> {
  // Each button of a form with data-each is an act of its own.
  const busy = (form.hasAttribute("data-each") && submitter) || form;
  if (busy.hasAttribute("data-busy")) return;
  busy.setAttribute("data-busy", "");
  const fields: Record<string, string> = {};
  for (const [name, value] of new FormData(form, submitter)) {
    if (typeof value === "string") fields[name] = name in fields ? `${fields[name]},${value}` : value;
  }
  try {
    // A button may post elsewhere than its form.
    const action = submitter?.hasAttribute("formaction") ? (submitter as HTMLButtonElement).formAction : form.action;
    await settle(await post(action, fields), form);
  } catch {
    // A page with a stream brings the line back by itself; on any other she has to press again.
    say(form, document.querySelector<HTMLElement>("[data-live-status]")?.dataset["lost"] ?? document.body.dataset["unsent"] ?? "");
  } finally {
    busy.removeAttribute("data-busy");
  }
}

const reached = new WeakSet<HTMLFormElement>();

/**
 * A form that asks for a new page and in which text was written goes its own way once the house is known to be there: a browser
 * that cannot reach it would show a page of its own in the place of what was written.
 */
export function plainly(form: HTMLFormElement, event: SubmitEvent): void {
  if (reached.delete(form) || !form.querySelector("textarea")) return;
  event.preventDefault();
  if (form.hasAttribute("data-busy")) return;
  form.setAttribute("data-busy", "");
  void reaches().then((there) => {
    form.removeAttribute("data-busy");
    say(form, there ? "" : (document.body.dataset["unsent"] ?? ""));
    if (!there || !form.isConnected) return;
    reached.add(form);
    form.requestSubmit(event.submitter);
    reached.delete(form);
  });
}

/** Whether the house answers anything at all; what stands before it and does not reach it says 502 to 504. */
async function reaches(): Promise<boolean> {
  try {
    const { status } = await fetch("/healthz", { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(10_000) });
    return status < 502 || status > 504;
  } catch {
    return false;
  }
}

async function settle(response: Response, near: Element): Promise<void> {
  if (response.redirected) {
    visit(response.url);
    return;
  }
  if (!response.ok) {
    say(near, await sentence(response));
    return;
  }
  say(near, "");
  if ((response.headers.get("Content-Type") ?? "").startsWith("text/html")) {
    // What was asked for may open below the edge of a small screen.
    for (const placed of place(await response.text())) if (placed.matches("[data-show]")) placed.scrollIntoView({ block: "nearest" });
  }
  // What was asked for is on another page (data-home): it is gone to.
  const home = near.getAttribute("data-home");
  if (home && location.pathname !== home) visit(home);
  near.closest<HTMLDetailsElement>("details.menu[open]")?.removeAttribute("open");
}

/** The sentence of a refusal stands right after what was refused, and stays. */
function say(near: Element, words: string): void {
  const after = near.nextElementSibling;
  const there = after?.matches("[data-quick-fault]") ? after : undefined;
  if (!words) {
    there?.remove();
    return;
  }
  const said = there ?? document.createElement("p");
  said.className = "quick-fault";
  said.setAttribute("data-quick-fault", "");
  said.setAttribute("role", "alert");
  said.textContent = words;
  if (!there) near.after(said);
}

/** <quick-form> around one form of a public page. */
class QuickForm extends Live {
  protected started(): void {
    this.on(this, "submit", (event) => {
      if (!(event.target instanceof HTMLFormElement)) return;
      event.preventDefault();
      void quickly(event.target, event.submitter);
    });
  }
}

define("quick-form", QuickForm);

/** Follows a[data-quick] by its pieces; around is told when they are about to be put in their places. */
export async function follow(link: HTMLAnchorElement, around = (put: () => void): void => put()): Promise<void> {
  try {
    const response = await fetch(link.href, { headers: { "Vigie-Script": "1" }, credentials: "same-origin" });
    if (!response.ok || response.redirected) {
      visit(link.href);
      return;
    }
    const html = await response.text();
    around(() => place(html));
    if (!link.hasAttribute("data-aside")) rename(link.href);
  } catch {
    visit(link.href);
  }
}

/** Asks for the pieces of a link once more, which nobody follows: where they are refused or do not come, this page stays as it is. */
export async function renew(link: HTMLAnchorElement): Promise<void> {
  try {
    const response = await fetch(link.href, { headers: { "Vigie-Script": "1" }, credentials: "same-origin" });
    if (response.ok && !response.redirected) place(await response.text());
  } catch {
    // The stream says that there is no network.
  }
}
