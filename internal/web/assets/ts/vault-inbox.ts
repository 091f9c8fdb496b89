// What is shared with us from another app while the vault is locked. Whoever shares has no key, so it is sealed for the vault's public one
// (P-256, HKDF, AES-GCM) and lies in the store "inbox" until the vault is opened; nothing of it is ever on the disk in clear.
//
// The service worker that answers POST /vault/share calls leaveForm. Another site can have a browser post there too, so that nothing of it is
// an item before she takes it, thing by thing, and the inbox is bounded.
import { bound, bytesOf, chunkSize, hex, open, overhead, seal, textOf, unbase64, VaultFault } from "./vault-format";
import * as store from "./vault-store";

/** Something that was shared: a file, or text, which may be a link. */
export type Shared = File | string;

/** How large a shared thing may be; larger ones are added from the open vault. */
export const largestShared = 100 * 1024 * 1024;

export interface SharedMeta {
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
 * Leaves what was shared for the vault of this device, all of it or nothing. It returns how many things were left, and "none" where there is
 * no vault yet; it faults with large, full, space or closed.
 */
export async function leaveForVault(shared: readonly Shared[]): Promise<number | "none"> {
  const header = await store.readHeader();
  if (!header) return "none";
  const theirs = await crypto.subtle.importKey("raw", unbase64(header.inbox.public, 65), curve, false, []);
  const bodies = shared.map((thing) => (typeof thing === "string" ? new Blob([thing]) : thing));
  if (bodies.some((body) => body.size > largestShared)) throw new VaultFault("large");
  // Before anything is sealed; the inbox looks again, with what lies in it.
  if (shared.length > store.inboxHolds.things || bodies.reduce((sum, body) => sum + body.size, 0) > store.inboxHolds.bytes) throw new VaultFault("full");
  const all: Omit<store.Left, "seq">[] = [];
  for (const [i, thing] of shared.entries()) {
    const text = typeof thing === "string";
    const body = bodies[i] as Blob;
    if (body.size === 0) continue;
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
    all.push({ vault: header.vault, from: from.buffer, meta: (await seal(key, bytesOf(JSON.stringify(meta)), bound.part(header.vault, mark, "meta"))).buffer, chunks });
  }
  await store.leave(all);
  return all.length;
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

/** The key of what was left. It faults with tampered. */
async function keyOf(left: store.Left, inbox: CryptoKey): Promise<CryptoKey> {
  try {
    const from = new Uint8Array(left.from);
    const theirs = await crypto.subtle.importKey("raw", from, curve, false, []);
    return await agreed(await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, inbox, 256), from, left.vault);
  } catch {
    throw new VaultFault("tampered");
  }
}

async function openedMeta(left: store.Left, key: CryptoKey): Promise<SharedMeta> {
  return JSON.parse(textOf(await open(key, new Uint8Array(left.meta), bound.part(left.vault, mailOf(new Uint8Array(left.from)), "meta")))) as SharedMeta;
}

const openedChunk = (left: store.Left, key: CryptoKey, n: number, count: number): Promise<Uint8Array<ArrayBuffer>> =>
  open(key, new Uint8Array(left.chunks[n] ?? new ArrayBuffer(0)), bound.chunk(left.vault, mailOf(new Uint8Array(left.from)), "file", n, n === count - 1));

/** What something is that was left, as far as its name and its first bytes say. It faults with tampered. */
export async function peek(left: store.Left & { count: number; bytes: number }, inbox: CryptoKey): Promise<SharedMeta & { head: Uint8Array; size: number }> {
  const key = await keyOf(left, inbox);
  const meta = await openedMeta(left, key);
  return { ...meta, head: (await openedChunk(left, key, 0, left.count)).slice(0, 4096), size: left.bytes - left.count * overhead };
}

/** Opens what was left, with the vault's own key. It faults with tampered. */
export async function takeIn(left: store.Left, inbox: CryptoKey): Promise<{ body: Blob } & SharedMeta> {
  const key = await keyOf(left, inbox);
  const meta = await openedMeta(left, key);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (const n of left.chunks.keys()) parts.push(await openedChunk(left, key, n, left.chunks.length));
  return { body: new Blob(parts, { type: meta.type }), ...meta };
}
