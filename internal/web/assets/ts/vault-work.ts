// What is done with bodies, a chunk at a time: taking them in, giving them out, copying them out of a file. It runs in the worker and in
// tests; a body is never in memory whole.
import { sha256 } from "@noble/hashes/sha2.js";
import {
  bound,
  chunksOf,
  chunkSize,
  hex,
  isID,
  type Kind,
  type Meta,
  most,
  open,
  openGiven,
  openMeta,
  type Piece,
  readPrologue,
  record,
  records,
  seal,
  sealGiven,
  sealMeta,
  textOf,
  VaultFault,
} from "./vault-format";
import { unlock, type Keys } from "./vault-key";
import * as store from "./vault-store";

export interface Incoming {
  /** The id that it will have, from newID: what is put in twice because the vault closed before that was answered is there once. */
  id: string;
  body: Blob;
  kind: Kind;
  name: string;
  type: string;
  at: string;
  thumb?: Uint8Array<ArrayBuffer>;
  /** The place in the inbox that it is taken from. */
  taken?: number;
}

export type Progress = (done: number, all: number) => void;

/** Puts something into the vault: all of it, or nothing; what is there already stays as it is. */
export async function add(keys: Keys, vault: string, incoming: Incoming, progress: Progress = () => {}): Promise<void> {
  const { id } = incoming;
  if (await store.hasItem(id)) return;
  const size = incoming.body.size;
  await store.roomFor(size);
  await store.whileComing(async () => {
    try {
      const sum = sha256.create();
      const chunks = chunksOf(size);
      for (let n = 0; n < chunks; n++) {
        const piece = await readSlice(incoming.body, n * chunkSize, Math.min(size, (n + 1) * chunkSize));
        sum.update(piece);
        await store.putChunk(id, n, await seal(keys.data, piece, bound.chunk(vault, id, incoming.kind, n, n === chunks - 1)));
        progress(n + 1, chunks);
      }
      const meta: Meta = { kind: incoming.kind, name: incoming.name.slice(0, 300), type: incoming.type.slice(0, 100), size, sha256: hex(sum.digest()), at: incoming.at };
      const sealed = await sealMeta(keys.data, vault, id, meta);
      const thumb = incoming.thumb && incoming.thumb.length <= most.thumb ? await seal(keys.data, incoming.thumb, bound.part(vault, id, "thumb")) : undefined;
      await store.putRow(vault, { id, meta: sealed.buffer, ...(thumb ? { thumb: thumb.buffer } : {}), chunks }, incoming.taken);
    } catch (fault) {
      // Where nobody can say whether it is there, what lies about is swept later.
      if (!(await store.hasItem(id).catch(() => true))) await store.forget(id).catch(() => {});
      throw fault;
    }
  });
}

/** A file that was taken away or changed while it was read is lost: nothing half of it is kept. */
async function readSlice(body: Blob, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await body
    .slice(from, to)
    .arrayBuffer()
    .catch(() => {
      throw new VaultFault("lost");
    });
  if (bytes.byteLength !== to - from) throw new VaultFault("lost");
  return new Uint8Array(bytes);
}

/** Opens the body of an item; it faults with tampered where a byte of it was changed. */
export async function read(keys: Keys, vault: string, id: string, meta: Meta): Promise<Blob> {
  const parts: Blob[] = [];
  const chunks = chunksOf(meta.size);
  const sum = sha256.create();
  let size = 0;
  for (let n = 0; n < chunks; n++) {
    const plain = await open(keys.data, await store.chunk(id, n), bound.chunk(vault, id, meta.kind, n, n === chunks - 1));
    sum.update(plain);
    size += plain.length;
    parts.push(new Blob([plain]));
  }
  if (size !== meta.size || hex(sum.digest()) !== meta.sha256) throw new VaultFault("tampered");
  return new Blob(parts, { type: meta.type });
}

export interface Imported {
  added: number;
  there: number; // were in the vault already
  refused: number; // were changed, or are not whole
}

/**
 * Takes over what is in an export, sealed anew for this vault: what is there already stays as it is. Items that were changed are left out and
 * counted. A file that ends too early gives what is whole in it.
 */
export async function importFrom(keys: Keys, vault: string, file: Blob, phrase: string, progress: Progress = () => {}): Promise<Imported> {
  const { header, at } = await readPrologue(file);
  const space = await store.free();
  if (space && space.quota - space.usage < store.spaceFor(file.size)) throw new VaultFault("space");
  const theirs = await unlock(phrase, header);
  const result: Imported = { added: 0, there: 0, refused: 0 };
  const seen = new Set<string>();
  let item: Copy | undefined;
  let done = at;
  await store.whileComing(async () => {
    try {
      for await (const piece of records(file, at)) {
        done += 21 + piece.sealed.length;
        if (piece.kind === record.meta || piece.kind === record.end) {
          if (item) await item.settle(result);
          item = undefined;
        }
        if (piece.kind === record.end) {
          await checkEnd(theirs.data, header.vault, piece, [...seen]);
          break;
        }
        if (piece.kind === record.meta) {
          if (seen.has(piece.item) || seen.size >= most.items || !isID(piece.item)) throw new VaultFault("broken");
          seen.add(piece.item);
          item = await Copy.begin(keys.data, vault, theirs.data, header.vault, piece);
        } else {
          if (!item || item.id !== piece.item) throw new VaultFault("broken");
          await item.take(piece);
        }
        progress(done, file.size);
      }
    } catch (fault) {
      await item?.drop();
      if (result.added === 0 || !(fault instanceof VaultFault) || fault.code === "space") throw fault;
      throw new VaultFault("cut", String(result.added));
    }
  });
  return result;
}

async function checkEnd(key: CryptoKey, vault: string, piece: Piece, ids: string[]): Promise<void> {
  let end: { items: string[] };
  try {
    end = JSON.parse(textOf(await open(key, piece.sealed, bound.end(vault)))) as { items: string[] };
  } catch {
    throw new VaultFault("cut");
  }
  if (!Array.isArray(end.items) || end.items.length !== ids.length || end.items.some((id, i) => id !== ids[i])) throw new VaultFault("cut");
}

/** One item on its way from an export into the vault. */
class Copy {
  private n = 0;
  private size = 0;
  private readonly sum = sha256.create();
  private thumb: ArrayBuffer | undefined;
  private given: ArrayBuffer | undefined;
  private refused = false;

  private constructor(
    readonly id: string,
    private readonly key: CryptoKey,
    private readonly vault: string,
    private readonly from: CryptoKey,
    private readonly fromVault: string,
    private readonly meta: Meta | undefined,
    private readonly there: boolean,
  ) {}

  static async begin(key: CryptoKey, vault: string, from: CryptoKey, fromVault: string, piece: Piece): Promise<Copy> {
    const meta = await openMeta(from, fromVault, piece.item, piece.sealed).catch(() => undefined);
    return new Copy(piece.item, key, vault, from, fromVault, meta, await store.hasItem(piece.item));
  }

  async take(piece: Piece): Promise<void> {
    if (this.there || this.refused || !this.meta) return;
    try {
      if (piece.kind === record.chunk) {
        const n = this.n++;
        const last = n === chunksOf(this.meta.size) - 1;
        const plain = await open(this.from, piece.sealed, bound.chunk(this.fromVault, this.id, this.meta.kind, n, last));
        this.sum.update(plain);
        this.size += plain.length;
        await store.putChunk(this.id, n, await seal(this.key, plain, bound.chunk(this.vault, this.id, this.meta.kind, n, last)));
      } else if (piece.kind === record.thumb) {
        const plain = await open(this.from, piece.sealed, bound.part(this.fromVault, this.id, "thumb"));
        this.thumb = (await seal(this.key, plain, bound.part(this.vault, this.id, "thumb"))).buffer;
      } else if (piece.kind === record.given) {
        const given = await openGiven(this.from, this.fromVault, this.id, piece.sealed);
        this.given = (await sealGiven(this.key, this.vault, this.id, given)).buffer;
      }
    } catch (fault) {
      if (!(fault instanceof VaultFault) || fault.code !== "tampered") throw fault;
      this.refused = true;
    }
  }

  async settle(result: Imported): Promise<void> {
    if (this.there) {
      result.there++;
      return;
    }
    const { meta } = this;
    if (!meta || this.refused || this.n !== chunksOf(meta.size) || this.size !== meta.size || hex(this.sum.digest()) !== meta.sha256) {
      await this.drop();
      result.refused++;
      return;
    }
    const sealed = await sealMeta(this.key, this.vault, this.id, meta);
    await store.putRow(this.vault, { id: this.id, meta: sealed.buffer, ...(this.thumb ? { thumb: this.thumb } : {}), ...(this.given ? { given: this.given } : {}), chunks: this.n });
    result.added++;
  }

  async drop(): Promise<void> {
    if (!this.there) await store.forget(this.id).catch(() => {});
  }
}
