// The vault's format against testdata/vectors.json, which Go reads too (internal/vault). VIGIE_VECTORS=write writes the file anew.
import { expect, test } from "@playwright/test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@noble/hashes/sha2.js";
import * as format from "../ts/vault-format";
import { create, derive, unlock } from "../ts/vault-key";

const file = join(import.meta.dirname, "..", "..", "..", "vault", "testdata", "vectors.json");

interface Vectors {
  about: string;
  phrases: { typed: string; bytes: string }[];
  keys: { phrase: string; salt: string; memory: number; passes: number; lanes: number; key: string }[];
  sealed: { n: number; last: boolean; key: string; nonce: string; plain: string; additional: string; sealed: string }[];
  exports: { name: string; phrase: string; file: string; code: string; whole: boolean; items: { id: string; refused: boolean; meta?: format.Meta; given?: format.Given[]; body?: string }[] }[];
}

const small = { memory: 19 * 1024, passes: 2, lanes: 1 };
const phrase = "lampe rivière cactus tambour";

async function write(): Promise<void> {
  const v: Vectors = { about: "Vectors of the vault's format, docs/VAULT.md. Bytes are base64, unless they are called hex.", phrases: [], keys: [], sealed: [], exports: [] };
  for (const typed of [phrase, "  lampe\u00a0\u202frivie\u0300re \t cactus\ntambour ", "\u212bngstro\u0308m ﬁn", "", "İstanbul ΟΔΟΣ Straße"]) v.phrases.push({ typed, bytes: format.base64(format.phraseBytes(typed)) });
  for (const costs of [small, { memory: 20 * 1024, passes: 3, lanes: 2 }]) {
    const salt = format.random(16);
    v.keys.push({ phrase, salt: format.base64(salt), ...costs, key: format.base64(derive(phrase, salt, costs)) });
  }
  const raw = format.random(32);
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  for (const [n, plain] of ["", "une preuve", "son milieu", "sa fin"].entries()) {
    const nonce = format.random(12);
    const additional = format.bound.chunk("0".repeat(32), "1".repeat(32), "note", n, n === 3);
    v.sealed.push({ n, last: n === 3, key: format.base64(raw), nonce: format.base64(nonce), plain: format.base64(format.bytesOf(plain)), additional, sealed: format.base64(await format.seal(key, format.bytesOf(plain), additional, nonce)) });
  }

  const { header, keys } = await create(phrase, small);
  const things: { meta: Omit<format.Meta, "size" | "sha256">; body: Uint8Array<ArrayBuffer>; given?: format.Given[]; thumb?: boolean }[] = [
    { meta: { kind: "note", name: "Lundi", type: "text/plain", at: "2026-11-23T21:04:05+01:00" }, body: format.bytesOf("Il a recommencé.\nÀ la récré.") },
    { meta: { kind: "picture", name: "capture é.png", type: "image/png", at: "2026-11-23T21:05:00+01:00" }, body: Uint8Array.from({ length: 300 }, (_, i) => (i * 7) & 255), thumb: true, given: [{ proof: "0190aaaa-0000-7000-8000-000000000001", at: "2026-11-24T10:00:00Z", match: true }] },
    { meta: { kind: "link", name: "", type: "text/plain", at: "1970-01-01T00:00:00-03:30" }, body: format.bytesOf("https://reseau.example/p/1") },
  ];
  const pieces: { kind: number; item: string; sealed: Uint8Array<ArrayBuffer> }[] = [];
  const items: Vectors["exports"][number]["items"] = [];
  for (const thing of things) {
    const item = format.newID();
    const meta: format.Meta = { ...thing.meta, size: thing.body.length, sha256: format.hex(sha256(thing.body)) };
    items.push({ id: item, refused: false, meta, ...(thing.given ? { given: thing.given } : {}), body: format.base64(thing.body) });
    pieces.push({ kind: format.record.meta, item, sealed: await format.sealMeta(keys.data, header.vault, item, meta) });
    if (thing.thumb) pieces.push({ kind: format.record.thumb, item, sealed: await format.seal(keys.data, format.bytesOf("a thumb"), format.bound.part(header.vault, item, "thumb")) });
    if (thing.given) pieces.push({ kind: format.record.given, item, sealed: await format.sealGiven(keys.data, header.vault, item, thing.given) });
    for (let n = 0, of = format.chunksOf(thing.body.length); n < of; n++) {
      const plain = thing.body.subarray(n * format.chunkSize, (n + 1) * format.chunkSize);
      pieces.push({ kind: format.record.chunk, item, sealed: await format.seal(keys.data, plain, format.bound.chunk(header.vault, item, meta.kind, n, n === of - 1)) });
    }
  }
  const framed = (all: typeof pieces, head = format.prologue(header)): Uint8Array<ArrayBuffer> => {
    const parts = [head, ...all.flatMap((p) => [format.recordHead(p.kind, p.item, p.sealed.length), p.sealed])];
    const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    parts.reduce((at, p) => (out.set(p, at), at + p.length), 0);
    return out;
  };
  const end = async (ids: string[]) => ({ kind: format.record.end, item: "", sealed: await format.seal(keys.data, format.bytesOf(JSON.stringify({ items: ids })), format.bound.end(header.vault)) });
  const ids = items.map((i) => i.id);
  const add = (name: string, bytes: Uint8Array<ArrayBuffer>, code: string, whole: boolean, of = items, by = phrase): void => void v.exports.push({ name, phrase: by, file: format.base64(bytes), code, whole, items: code ? [] : of });
  const good = framed([...pieces, await end(ids)]);
  add("three things", good, "", true);
  add("three things, the phrase typed otherwise", good, "", true, items, " lampe  rivie\u0300re cactus tambour\n");
  add("nothing in it", framed([await end([])]), "", true, []);
  add("another phrase", good, "wrong", false, items, "lampe riviere cactus tambour");
  const flip = (p: (typeof pieces)[number], at = 20) => ({ ...p, sealed: p.sealed.map((b, i) => (i === at ? b ^ 1 : b)) });
  const refused = (n: number, of = items) => of.map((i, at) => (at === n ? { id: i.id, refused: true } : i));
  add("the body of the second changed", framed([...pieces.map((p) => (p.item === ids[1] && p.kind === format.record.chunk ? flip(p) : p)), await end(ids)]), "", true, refused(1));
  add("the first said to be another", framed([...pieces.map((p) => (p.item === ids[0] && p.kind === format.record.meta ? flip(p) : p)), await end(ids)]), "", true, refused(0));
  const swapped = pieces.filter((p) => p.item === ids[0] || p.item === ids[2]).map((p) => ({ ...p, sealed: p.kind === format.record.chunk ? pieces.find((o) => o.kind === p.kind && o.item === (p.item === ids[0] ? ids[2] : ids[0]))!.sealed : p.sealed }));
  add("bodies of two exchanged", framed([...swapped, await end([ids[0]!, ids[2]!])]), "", true, [{ id: ids[0]!, refused: true }, { id: ids[2]!, refused: true }]);
  add("a body taken away", framed([...pieces.filter((p) => !(p.item === ids[2] && p.kind === format.record.chunk)), await end(ids)]), "", true, refused(2));
  add("an item taken away", framed([...pieces.filter((p) => p.item !== ids[1]), await end(ids)]), "", false, [items[0]!, items[2]!]);
  add("cut before the end", good.slice(0, good.length - 40), "cut", false);
  add("cut within a piece", good.slice(0, 900), "cut", false);
  add("no end", framed(pieces), "cut", false);
  add("something after the end", framed([...pieces, await end(ids), pieces[0]!]), "broken", false);
  add("an item twice", framed([...pieces, ...pieces, await end(ids)]), "broken", false);
  add("not ours", format.bytesOf("PK\u0003\u0004 something else altogether, of some length"), "broken", false);
  add("a length out of bounds", concat(format.prologue(header), format.recordHead(format.record.chunk, ids[0]!, 0xffffffff)), "broken", false);
  const other = (change: (h: format.Header) => unknown): Uint8Array<ArrayBuffer> => format.prologue(change(structuredClone(header)) as format.Header);
  add("a newer version", framed([await end([])], patched(format.prologue(header), 12, 2)), "newer", false);
  add("an older version", framed([await end([])], patched(format.prologue(header), 12, 0)), "older", false);
  add("costs below the floor", framed([await end([])], other((h) => ({ ...h, kdf: { ...h.kdf, memory: 8 } }))), "costs", false);
  add("costs of gigabytes", framed([await end([])], other((h) => ({ ...h, kdf: { ...h.kdf, memory: 4 << 20 } }))), "costs", false);
  add("another salt", framed([await end([])], other((h) => ({ ...h, kdf: { ...h.kdf, salt: format.base64(format.random(16)) } }))), "wrong", false);
  writeFileSync(file, JSON.stringify(v, null, 1) + "\n");
}

function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((p) => [...p]));
}

function patched(head: Uint8Array<ArrayBuffer>, at: number, value: number): Uint8Array<ArrayBuffer> {
  new DataView(head.buffer).setUint32(at, value);
  return head;
}

/** What an export says, read as the page's worker reads it. */
async function read(blob: Blob, by: string): Promise<{ whole: boolean; items: { id: string; refused: boolean; meta?: format.Meta; given?: format.Given[]; body?: Uint8Array }[] }> {
  const { header, at } = await format.readPrologue(blob);
  const keys = await unlock(by, header);
  const items: { id: string; refused: boolean; meta?: format.Meta; given?: format.Given[]; body: Uint8Array[]; n: number }[] = [];
  let whole = false;
  for await (const piece of format.records(blob, at)) {
    const item = items.at(-1);
    if (piece.kind === format.record.end) {
      const end = JSON.parse(format.textOf(await format.open(keys.data, piece.sealed, format.bound.end(header.vault)))) as { items: string[] };
      whole = JSON.stringify(end.items) === JSON.stringify(items.map((i) => i.id));
    } else if (piece.kind === format.record.meta) {
      if (items.some((i) => i.id === piece.item)) throw new format.VaultFault("broken");
      const meta = await format.openMeta(keys.data, header.vault, piece.item, piece.sealed).catch(() => undefined);
      items.push({ id: piece.item, refused: !meta, ...(meta ? { meta } : {}), body: [], n: 0 });
    } else if (!item || item.id !== piece.item) throw new format.VaultFault("broken");
    else if (piece.kind === format.record.given) item.given = await format.openGiven(keys.data, header.vault, item.id, piece.sealed);
    else if (piece.kind === format.record.chunk && item.meta) {
      const n = item.n++;
      await format.open(keys.data, piece.sealed, format.bound.chunk(header.vault, item.id, item.meta.kind, n, n === format.chunksOf(item.meta.size) - 1)).then(
        (plain) => item.body.push(plain),
        () => (item.refused = true),
      );
    }
  }
  return {
    whole,
    items: items.map(({ id, refused, meta, given, body }) => {
      const bytes = concat(...body.map((b) => b));
      const bad = refused || !meta || bytes.length !== meta.size || format.hex(sha256(bytes)) !== meta.sha256;
      return bad ? { id, refused: true } : { id, refused: false, meta, ...(given ? { given } : {}), body: bytes };
    }),
  };
}

test.describe("the vault's format", () => {
  if (process.env["VIGIE_VECTORS"] === "write") test("vectors are written", write);
  const load = (): Vectors => JSON.parse(readFileSync(file, "utf8")) as Vectors;

  test("a phrase is the same bytes on every keyboard, and gives the same key", () => {
    const v = load();
    expect(v.phrases.length).toBeGreaterThan(3);
    for (const p of v.phrases) expect(format.base64(format.phraseBytes(p.typed)), p.typed).toBe(p.bytes);
    for (const k of v.keys) expect(format.base64(derive(k.phrase, format.unbase64(k.salt), k))).toBe(k.key);
  });

  test("what is sealed is bound to its place", async () => {
    for (const s of load().sealed) {
      const key = await crypto.subtle.importKey("raw", format.unbase64(s.key), "AES-GCM", false, ["encrypt", "decrypt"]);
      expect(format.bound.chunk("0".repeat(32), "1".repeat(32), "note", s.n, s.last)).toBe(s.additional);
      expect(format.base64(await format.seal(key, format.unbase64(s.plain), s.additional, format.unbase64(s.nonce)))).toBe(s.sealed);
      await expect(format.open(key, format.unbase64(s.sealed), s.additional + "x")).rejects.toMatchObject({ code: "tampered" });
    }
  });

  for (const e of load().exports) {
    test(`export: ${e.name}`, async () => {
      const blob = new Blob([format.unbase64(e.file)]);
      if (e.code) {
        await expect(read(blob, e.phrase)).rejects.toMatchObject({ code: e.code });
        return;
      }
      const got = await read(blob, e.phrase);
      expect(got.whole).toBe(e.whole);
      expect(got.items.map(({ body: _, ...rest }) => rest)).toEqual(e.items.map(({ body: _, ...rest }) => rest));
      for (const [i, item] of e.items.entries()) if (item.body) expect(format.base64(got.items[i]!.body!)).toBe(item.body);
    });
  }

  test("a long enough phrase has ten characters, or four words", () => {
    for (const good of ["abcdefghij", "un do ré mi", "a b c d"]) expect(format.longEnough(good), good).toBe(true);
    for (const bad of ["", "123456", "un deux", "   a b c    ", "aaaaaaaaa"]) expect(format.longEnough(bad), bad).toBe(false);
  });
});
