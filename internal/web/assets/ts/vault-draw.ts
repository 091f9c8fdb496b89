// How what is in the vault is drawn: an item in the list, and one that is looked at.
import { bound, type Given, type Header, type Meta, open } from "./vault-format";
import type { Keys } from "./vault-key";
import type { Row } from "./vault-store";
import type { Words } from "./vault-words";

/** An item as it is shown; meta is missing where it was changed and does not open. */
export interface Shown {
  row: Row;
  meta?: Meta;
  given: Given[];
}

/** An item of the list; the addresses of its pictures are added to urls, to be taken back by whoever asked. */
export async function drawnItem(template: HTMLTemplateElement | null, words: Words, keys: Keys, header: Header, { row, meta }: Shown, urls: string[]): Promise<HTMLElement> {
  const li = (template?.content.firstElementChild?.cloneNode(true) ?? document.createElement("li")) as HTMLElement;
  li.dataset["id"] = row.id;
  const kind = meta?.kind ?? "refused";
  const part = (name: string): HTMLElement => li.querySelector<HTMLElement>(`[data-${name}]`) ?? li;
  part("name").textContent = meta ? meta.name || words.say("no_name") : words.say("item_refused");
  part("facts").textContent = meta ? [words.say(`kind_${kind}`), words.size(meta.size), words.time(meta.at)].join(" · ") : "";
  let thumb: Uint8Array<ArrayBuffer> | undefined;
  if (row.thumb && meta) thumb = await open(keys.data, new Uint8Array(row.thumb), bound.part(header.vault, row.id, "thumb")).catch(() => undefined);
  if (thumb) {
    const img = document.createElement("img");
    img.alt = "";
    img.src = URL.createObjectURL(new Blob([thumb], { type: "image/jpeg" }));
    urls.push(img.src);
    part("thumb").append(img);
  } else {
    const icon = li.querySelector<HTMLElement>(`[data-icon="${kind}"]`);
    if (icon) icon.hidden = false;
  }
  return li;
}

/** What an item holds; url is the address of its body, "" for none, to be taken back by whoever asked. */
export async function drawnBody(words: Words, meta: Meta, body: Blob): Promise<{ shown: HTMLElement; url: string }> {
  if (meta.kind === "note" || meta.kind === "link") {
    const text = await body.text();
    const said = document.createElement("p");
    said.className = "vault-text";
    said.dir = "auto";
    if (meta.kind === "link" && /^https?:\/\/\S+$/i.test(text)) {
      const link = document.createElement("a");
      link.href = text;
      link.target = "_blank";
      link.rel = "noopener noreferrer";
      link.textContent = text;
      said.append(link);
    } else said.textContent = text;
    return { shown: said, url: "" };
  }
  const unshown = document.createElement("p");
  unshown.textContent = words.say("not_shown");
  if (meta.kind === "file") return { shown: unshown, url: "" };
  const shown = meta.kind === "picture" ? document.createElement("img") : document.createElement(meta.kind === "video" ? "video" : "audio");
  if (shown instanceof HTMLMediaElement) shown.controls = true;
  else shown.alt = meta.name;
  shown.addEventListener("error", () => shown.replaceWith(unshown));
  shown.src = URL.createObjectURL(body);
  return { shown, url: shown.src };
}
