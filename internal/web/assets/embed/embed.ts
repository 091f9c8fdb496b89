// <script src="https://…/embed.js" data-lang="fr" defer></script> on a partner's page: puts our button where the tag stands, in a frame of ours
// that holds nothing else. The partner's page gets no cookie, no storage and no event of it, and the frame learns nothing of the page.

/** What the server puts before this script (site/embed.go). */
declare const VIGIE: Record<string, { path: string; title: string } | undefined>;

const tag = document.currentScript;
const said = tag instanceof HTMLScriptElement ? (VIGIE[tag.dataset["lang"] ?? ""] ?? VIGIE["fr"]) : undefined;
if (tag instanceof HTMLScriptElement && said) {
  const frame = document.createElement("iframe");
  frame.src = new URL(said.path, tag.src).href;
  frame.title = said.title;
  // Of one size (css/embed.css), so that the two pages need not speak to one another.
  frame.width = "280";
  frame.height = "64";
  frame.referrerPolicy = "no-referrer";
  // No script runs in it. It keeps its origin, or the browser would not give it its own style.
  frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox allow-same-origin");
  // Properties, because a page whose policy forbids inline style forbids the attribute.
  frame.style.border = "0";
  frame.style.maxWidth = "100%";
  frame.style.colorScheme = "light dark";
  tag.after(frame);
}
export {};
