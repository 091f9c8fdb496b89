// What is shared with us from another app while the vault is locked. Whoever shares has no key, so it is sealed for the vault's public one
// (P-256, HKDF, AES-GCM) and lies in the store "inbox" until the vault is opened; nothing of it is ever on the disk in clear.
//
// The service worker that answers POST /vault/share calls leaveForVault with the form's files and text.
import { bound, bytesOf, chunkSize, hex, open, seal, textOf, unbase64, VaultFault } from "./vault-format";
import * as store from "./vault-store";

/** Something that was shared: a file, or text, which may be a link. */
export type Shared = File | string;

/** How large a shared thing may be; larger ones are added from the open vault. */
export const largestShared = 100 * 1024 * 1024;

interface SharedMeta {
  name: string;
  type: string; // "text/plain" for text
  text: boolean;
  at: string;
}

const curve = { name: "ECDH", namedCurve: "P-256" } as const;

async function agreed(secret: ArrayBuffer, salt: Uint8Array<ArrayBuffer>, vault: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  return crypto.subtle.deriveKey({ name: "HKDF", hash: "SHA-256", salt, info: bytesOf(`vigie-vault|1|${vault}|inbox`) }, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** This device's time with its own offset (RFC 3339). */
export function declaredNow(now = new Date()): string {
  const offset = -now.getTimezoneOffset();
  const two = (n: number): string => String(Math.floor(Math.abs(n))).padStart(2, "0");
  return new Date(now.getTime() + offset * 60_000).toISOString().replace(/\.\d+Z$/, "") + (offset < 0 ? "-" : "+") + two(offset / 60) + ":" + two(offset % 60);
}

/**
 * Leaves what was shared for the vault of this device. It returns how many things were left, and "none" where there is no vault yet; it
 * faults with large, space or closed, and then nothing of that thing is left.
 */
export async function leaveForVault(shared: readonly Shared[]): Promise<number | "none"> {
  const header = await store.readHeader();
  if (!header) return "none";
  const theirs = await crypto.subtle.importKey("raw", unbase64(header.inbox.public, 65), curve, false, []);
  let left = 0;
  for (const thing of shared) {
    const text = typeof thing === "string";
    const body = text ? new Blob([thing]) : thing;
    if (body.size === 0) continue;
    if (body.size > largestShared) throw new VaultFault("large");
    const pair = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
    const from = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    const key = await agreed(await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, pair.privateKey, 256), from, header.vault);
    const meta: SharedMeta = { name: text ? "" : thing.name, type: text ? "text/plain" : thing.type, text, at: declaredNow() };
    const mark = mailOf(from);
    const chunks: ArrayBuffer[] = [];
    for (let at = 0; at < body.size; at += chunkSize) {
      const piece = new Uint8Array(await body.slice(at, at + chunkSize).arrayBuffer());
      chunks.push((await seal(key, piece, bound.chunk(header.vault, mark, "file", chunks.length, at + chunkSize >= body.size))).buffer);
    }
    await store.leave({ vault: header.vault, from: from.buffer, meta: (await seal(key, bytesOf(JSON.stringify(meta)), bound.part(header.vault, mark, "meta"))).buffer, chunks });
    left++;
  }
  return left;
}

/**
 * Leaves what the form of a share target brought (site/app.go: title, text, url and files). It returns and faults as leaveForVault does.
 */
export async function leaveForm(form: FormData): Promise<number | "none"> {
  const shared: Shared[] = form.getAll("files").filter((f): f is File => typeof f !== "string");
  const words = ["title", "text", "url"].map((name) => form.get(name)).filter((w): w is string => typeof w === "string" && w.trim() !== "");
  if (words.length > 0) shared.push([...new Set(words)].join("\n"));
  return leaveForVault(shared);
}

/** What stands for the item's id while it has none: the first 16 bytes of the key's X coordinate. */
const mailOf = (from: Uint8Array): string => hex(from.subarray(1, 17));

/** Opens what was left, with the vault's own key. It faults with tampered. */
export async function takeIn(left: store.Left, inbox: CryptoKey): Promise<{ file?: File; text?: string; at: string }> {
  const from = new Uint8Array(left.from);
  let key: CryptoKey;
  try {
    const theirs = await crypto.subtle.importKey("raw", from, curve, false, []);
    key = await agreed(await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, inbox, 256), from, left.vault);
  } catch {
    throw new VaultFault("tampered");
  }
  const mark = mailOf(from);
  const meta = JSON.parse(textOf(await open(key, new Uint8Array(left.meta), bound.part(left.vault, mark, "meta")))) as SharedMeta;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (const [n, sealed] of left.chunks.entries()) {
    parts.push(await open(key, new Uint8Array(sealed), bound.chunk(left.vault, mark, "file", n, n === left.chunks.length - 1)));
  }
  const body = new Blob(parts, { type: meta.type });
  return meta.text ? { text: await body.text(), at: meta.at } : { file: new File([body], meta.name, { type: meta.type }), at: meta.at };
}
