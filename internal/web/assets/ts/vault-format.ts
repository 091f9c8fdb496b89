// The vault's format, version 1, as docs/VAULT.md writes it down: what its bytes are, and what each of them is bound to. It knows no
// database and no page, so that the same lines run in the page, in its worker and in the tests; internal/vault reads the same in Go.

export const version = 1;
/** How many bytes of a body are sealed at once. */
export const chunkSize = 1 << 20;

export interface Costs {
  memory: number; // KiB
  passes: number;
  lanes: number;
}

/** What OWASP asks for at the least. */
export const floor: Costs = { memory: 19 * 1024, passes: 2, lanes: 1 };
/** The most that is believed: a file that somebody made must not take all of a phone. */
export const ceiling: Costs = { memory: 256 * 1024, passes: 16, lanes: 4 };

/** What lies in clear of a vault: how its key is found, and nothing of what is in it. */
export interface Header {
  format: "vigie-vault";
  version: number;
  vault: string; // 32 hexadecimal digits
  kdf: { name: "argon2id"; version: 19; memory: number; passes: number; lanes: number; salt: string };
  key: string; // the data key, sealed under the derived one
  inbox: { public: string; private: string }; // P-256: what is shared while the vault is locked is sealed for it
}

export type Kind = "picture" | "video" | "sound" | "file" | "link" | "note";
export const kinds: readonly Kind[] = ["picture", "video", "sound", "file", "link", "note"];

/** What is fixed when an item comes in. */
export interface Meta {
  kind: Kind;
  name: string;
  type: string;
  size: number;
  sha256: string; // of the untouched body, hexadecimal
  at: string; // what this device's clock said: RFC 3339, with the device's own offset
}

/** One handing over of an item, as the house answered it. */
export interface Given {
  proof: string;
  at: string; // the house's clock
  match: boolean; // the house found the same SHA-256
  back?: string; // when it was taken back
}

/** The parts of an item that are sealed by themselves. */
export type Part = "meta" | "thumb" | "given";

/** A fault has a code; the page has its sentence. */
export class VaultFault extends Error {
  constructor(
    readonly code: "broken" | "newer" | "older" | "costs" | "wrong" | "tampered" | "space" | "large" | "empty" | "lost" | "cut" | "closed" | "full" | "elsewhere",
    readonly about = "",
  ) {
    super(code);
  }
}

// The limits of what is read, so that a file from elsewhere cannot fill a phone.
export const most = { header: 4096, meta: 65_536, thumb: 262_144, given: 65_536, end: 4 << 20, items: 50_000 };

const magic = "VIGIE-VAULT\n";
export const record = { meta: 1, thumb: 2, given: 3, chunk: 4, end: 5 } as const;
const nonceSize = 12;
/** How many bytes sealing adds. */
export const overhead = nonceSize + 16;

const utf8 = new TextEncoder();
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => utf8.encode(text) as Uint8Array<ArrayBuffer>;
export const textOf = (bytes: BufferSource): string => new TextDecoder("utf-8", { fatal: true }).decode(bytes);

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

export function unhex(text: string): Uint8Array<ArrayBuffer> {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new VaultFault("broken");
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

export function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
}

export function unbase64(text: unknown, size?: number): Uint8Array<ArrayBuffer> {
  let raw: string;
  try {
    if (typeof text !== "string") throw new Error();
    raw = atob(text);
    if (btoa(raw) !== text) throw new Error();
  } catch {
    throw new VaultFault("broken");
  }
  if (size !== undefined && raw.length !== size) throw new VaultFault("broken");
  return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}

export const random = (size: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(size));
/** A new id of a vault or of an item. */
export const newID = (): string => hex(random(16));
export const isID = (text: unknown): text is string => typeof text === "string" && /^[0-9a-f]{32}$/.test(text);

/** The same phrase is the same bytes on every keyboard: NFKC, one space between words, none around. */
export function phraseBytes(phrase: string): Uint8Array<ArrayBuffer> {
  return bytesOf(phrase.normalize("NFKC").replace(/[\t\n\v\f\r \u0085\u1680\u2028\u2029]+/g, " ").replace(/^ | $/g, ""));
}

/** Long enough to be a phrase: ten characters, or four words. */
export function longEnough(phrase: string): boolean {
  const said = textOf(phraseBytes(phrase));
  return Array.from(said).length >= 10 || said.split(" ").length >= 4;
}

// What each sealed piece is bound to (additional data of AES-GCM). None of the parts can hold a bar.
export const bound = {
  key: (vault: string, kdf: Header["kdf"]) => ["vigie-vault", version, vault, "key", kdf.name, kdf.version, kdf.memory, kdf.passes, kdf.lanes, kdf.salt].join("|"),
  inboxKey: (vault: string, publicKey: string) => ["vigie-vault", version, vault, "inbox-key", publicKey].join("|"),
  part: (vault: string, item: string, part: Part) => ["vigie-vault", version, vault, item, part].join("|"),
  chunk: (vault: string, item: string, kind: Kind, n: number, last: boolean) => ["vigie-vault", version, vault, item, "body", kind, n, last ? "last" : "more"].join("|"),
  end: (vault: string) => ["vigie-vault", version, vault, "end"].join("|"),
};

/** Seals bytes: nonce (12 bytes), what was sealed, tag (16 bytes). The nonce is drawn anew each time. */
export async function seal(key: CryptoKey, plain: BufferSource, additional: string, nonce = random(nonceSize)): Promise<Uint8Array<ArrayBuffer>> {
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData: bytesOf(additional), tagLength: 128 }, key, plain));
  const all = new Uint8Array(nonceSize + sealed.length);
  all.set(nonce);
  all.set(sealed, nonceSize);
  return all;
}

export async function open(key: CryptoKey, sealed: Uint8Array<ArrayBuffer>, additional: string): Promise<Uint8Array<ArrayBuffer>> {
  if (sealed.length < overhead) throw new VaultFault("tampered");
  try {
    const iv = sealed.subarray(0, nonceSize);
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: bytesOf(additional), tagLength: 128 }, key, sealed.subarray(nonceSize)));
  } catch {
    throw new VaultFault("tampered");
  }
}

/** JSON, filled up with spaces so that its length does not tell that of a name. */
export function padded(value: unknown): Uint8Array<ArrayBuffer> {
  const plain = bytesOf(JSON.stringify(value));
  const all = new Uint8Array(Math.ceil(plain.length / 256) * 256).fill(0x20);
  all.set(plain);
  return all;
}

function parsed(plain: Uint8Array<ArrayBuffer>): unknown {
  try {
    return JSON.parse(textOf(plain));
  } catch {
    throw new VaultFault("tampered");
  }
}

export const sealMeta = (key: CryptoKey, vault: string, item: string, meta: Meta, nonce?: Uint8Array<ArrayBuffer>) =>
  seal(key, padded(meta), bound.part(vault, item, "meta"), nonce);

export async function openMeta(key: CryptoKey, vault: string, item: string, sealed: Uint8Array<ArrayBuffer>): Promise<Meta> {
  const meta = parsed(await open(key, sealed, bound.part(vault, item, "meta"))) as Meta;
  if (!kinds.includes(meta?.kind) || typeof meta.name !== "string" || typeof meta.type !== "string" || typeof meta.at !== "string") throw new VaultFault("tampered");
  if (!Number.isSafeInteger(meta.size) || meta.size < 0 || !/^[0-9a-f]{64}$/.test(meta.sha256)) throw new VaultFault("tampered");
  return meta;
}

export const sealGiven = (key: CryptoKey, vault: string, item: string, given: readonly Given[], nonce?: Uint8Array<ArrayBuffer>) =>
  seal(key, padded(given), bound.part(vault, item, "given"), nonce);

export async function openGiven(key: CryptoKey, vault: string, item: string, sealed: Uint8Array<ArrayBuffer>): Promise<Given[]> {
  const given = parsed(await open(key, sealed, bound.part(vault, item, "given")));
  if (!Array.isArray(given)) throw new VaultFault("tampered");
  return given as Given[];
}

/** How many chunks a body of so many bytes has: an empty one has one. */
export const chunksOf = (size: number): number => Math.max(1, Math.ceil(size / chunkSize));

/** The file of an export begins with these bytes; what follows are records. */
export function prologue(header: Header): Uint8Array<ArrayBuffer> {
  const json = bytesOf(JSON.stringify(header));
  const all = new Uint8Array(magic.length + 8 + json.length);
  all.set(bytesOf(magic));
  const view = new DataView(all.buffer);
  view.setUint32(magic.length, version);
  view.setUint32(magic.length + 4, json.length);
  all.set(json, magic.length + 8);
  return all;
}

/** The head of a record: what it is, whose (16 bytes of the item's id; zeros for the end) and how long its sealed bytes are. */
export function recordHead(kind: number, item: string, length: number): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(recordHeadSize);
  head[0] = kind;
  if (item) head.set(unhex(item), 1);
  new DataView(head.buffer).setUint32(17, length);
  return head;
}

const recordHeadSize = 21;

export function readHeader(value: unknown): Header {
  const header = value as Header;
  const kdf = header?.kdf;
  if (header?.format !== "vigie-vault" || !Number.isSafeInteger(header.version)) throw new VaultFault("broken");
  if (header.version > version) throw new VaultFault("newer");
  if (header.version < version) throw new VaultFault("older");
  if (!isID(header.vault) || kdf?.name !== "argon2id" || kdf.version !== 19) throw new VaultFault("broken");
  for (const cost of ["memory", "passes", "lanes"] as const) {
    if (!Number.isSafeInteger(kdf[cost]) || kdf[cost] < floor[cost] || kdf[cost] > ceiling[cost]) throw new VaultFault("costs");
  }
  unbase64(kdf.salt, 16);
  unbase64(header.key, 32 + overhead);
  unbase64(header.inbox?.public, 65);
  unbase64(header.inbox.private);
  return header;
}

/** One sealed piece of an export. */
export interface Piece {
  kind: number;
  item: string;
  sealed: Uint8Array<ArrayBuffer>;
}

async function slice(file: Blob, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await file.slice(from, to).arrayBuffer());
  if (bytes.length !== to - from) throw new VaultFault("cut");
  return bytes;
}

/** Reads the head of an export; at is where its records begin. It faults with broken, newer, older or costs. */
export async function readPrologue(file: Blob): Promise<{ header: Header; at: number }> {
  const lead = magic.length + 8;
  if (file.size < lead) throw new VaultFault("broken");
  const head = await slice(file, 0, lead);
  if (bytesOf(magic).some((b, i) => head[i] !== b)) throw new VaultFault("broken");
  const view = new DataView(head.buffer);
  const written = view.getUint32(magic.length);
  if (written > version) throw new VaultFault("newer");
  if (written < version) throw new VaultFault("older");
  const length = view.getUint32(magic.length + 4);
  if (length > most.header) throw new VaultFault("broken");
  let json: unknown;
  try {
    json = JSON.parse(textOf(await slice(file, lead, lead + length)));
  } catch (fault) {
    throw fault instanceof VaultFault ? fault : new VaultFault("broken");
  }
  return { header: readHeader(json), at: lead + length };
}

/** Reads the records of an export one after another, each bounded before it is read. */
export async function* records(file: Blob, at: number): AsyncGenerator<Piece> {
  const limit: Record<number, number> = { 1: most.meta, 2: most.thumb, 3: most.given, 4: chunkSize, 5: most.end };
  while (at < file.size) {
    const head = await slice(file, at, at + recordHeadSize);
    const kind = head[0] ?? 0;
    const length = new DataView(head.buffer).getUint32(17);
    const max = limit[kind];
    if (max === undefined || length < overhead || length > max + overhead) throw new VaultFault("broken");
    at += recordHeadSize;
    yield { kind, item: hex(head.subarray(1, 17)), sealed: await slice(file, at, at + length) };
    at += length;
    if (kind === record.end) {
      if (at !== file.size) throw new VaultFault("broken");
      return;
    }
  }
  throw new VaultFault("cut");
}
