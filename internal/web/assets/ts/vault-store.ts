// Where a vault lies on the device: one IndexedDB of this site, as docs/VAULT.md writes it down. Everything in it but ids, numbers of
// order and lengths is sealed before it comes here.
import { chunksOf, type Header, VaultFault } from "./vault-format";

export const databaseName = "vigie-vault";
const databaseVersion = 1;

/** An item as it lies there. */
export interface Row {
  seq: number; // the order in which items came in; clocks may jump, this does not
  id: string;
  meta: ArrayBuffer;
  thumb?: ArrayBuffer;
  given?: ArrayBuffer;
  chunks: number;
}

/** How often the passphrase was wrong, and until when the next try waits. */
export interface Tries {
  wrong: number;
  until: number;
}

/** What somebody shared while the vault was locked: sealed for its public key (vault-inbox.ts). */
export interface Left {
  seq: number;
  vault: string;
  from: ArrayBuffer; // the public key of whoever left it
  meta: ArrayBuffer;
  chunks: ArrayBuffer[];
}

let opening: Promise<IDBDatabase> | undefined;

/** Opens the database. It faults with closed where the browser has none for us. */
export function database(): Promise<IDBDatabase> {
  return (opening ??= new Promise((done, refuse) => {
    let request: IDBOpenDBRequest;
    try {
      request = indexedDB.open(databaseName, databaseVersion);
    } catch {
      refuse(new VaultFault("closed"));
      return;
    }
    request.onupgradeneeded = () => {
      const db = request.result;
      db.createObjectStore("vault");
      db.createObjectStore("item", { keyPath: "seq", autoIncrement: true }).createIndex("id", "id", { unique: true });
      db.createObjectStore("chunk");
      db.createObjectStore("inbox", { keyPath: "seq", autoIncrement: true });
    };
    request.onsuccess = () => {
      const db = request.result;
      db.onversionchange = () => {
        db.close();
        opening = undefined;
      };
      db.onclose = () => (opening = undefined);
      done(db);
    };
    request.onerror = request.onblocked = () => {
      opening = undefined;
      refuse(new VaultFault(request.error?.name === "VersionError" ? "newer" : "closed"));
    };
  }));
}

type StoreName = "vault" | "item" | "chunk" | "inbox";

/** Runs one transaction; what work returns is there once it is committed. A full disk is the fault space. */
async function within<T>(stores: StoreName[], mode: IDBTransactionMode, work: (t: IDBTransaction) => IDBRequest<T> | undefined): Promise<T> {
  const db = await database();
  return new Promise((done, refuse) => {
    // "strict": what is said to be kept is on the disk, and not on its way there.
    const t = db.transaction(stores, mode, { durability: mode === "readwrite" ? "strict" : "default" });
    let request: IDBRequest<T> | undefined;
    t.oncomplete = () => done(request?.result as T);
    t.onabort = t.onerror = (event) => {
      event.preventDefault();
      refuse(causeOf(t.error ?? request?.error));
    };
    try {
      request = work(t);
    } catch (fault) {
      refuse(causeOf(fault));
      t.abort();
    }
  });
}

/** A disk that is full is the fault space. */
function causeOf(fault: unknown): unknown {
  return (fault as DOMException | null)?.name === "QuotaExceededError" ? new VaultFault("space") : (fault ?? new VaultFault("closed"));
}

export async function readHeader(): Promise<Header | undefined> {
  return within(["vault"], "readonly", (t) => t.objectStore("vault").get("header") as IDBRequest<Header | undefined>);
}

/** Puts the header of a new vault; false where another tab has made one meanwhile. */
export async function writeHeader(header: Header): Promise<boolean> {
  let made = false;
  await within(["vault"], "readwrite", (t) => {
    const vaults = t.objectStore("vault");
    const there = vaults.get("header");
    there.onsuccess = () => {
      if (there.result) return;
      vaults.put(header, "header");
      made = true;
    };
    return undefined;
  });
  return made;
}

/** Puts the header of the same vault under another passphrase; false where another tab has changed it, or erased the vault, meanwhile. */
export async function changeHeader(before: Header, header: Header): Promise<boolean> {
  let changed = false;
  await within(["vault"], "readwrite", (t) => {
    const vaults = t.objectStore("vault");
    const there = vaults.get("header") as IDBRequest<Header | undefined>;
    there.onsuccess = () => {
      if (there.result?.vault !== header.vault || there.result.key !== before.key) return;
      vaults.put(header, "header");
      changed = true;
    };
    return undefined;
  });
  return changed;
}

export async function readTries(): Promise<Tries> {
  return (await within(["vault"], "readonly", (t) => t.objectStore("vault").get("tries") as IDBRequest<Tries | undefined>)) ?? { wrong: 0, until: 0 };
}

export async function writeTries(tries: Tries): Promise<void> {
  await within(["vault"], "readwrite", (t) => t.objectStore("vault").put(tries, "tries"));
}

/** All items, in the order in which they came in. */
export async function rows(): Promise<Row[]> {
  return within(["item"], "readonly", (t) => t.objectStore("item").getAll() as IDBRequest<Row[]>);
}

export async function row(id: string): Promise<Row | undefined> {
  return within(["item"], "readonly", (t) => t.objectStore("item").index("id").get(id) as IDBRequest<Row | undefined>);
}

export async function hasItem(id: string): Promise<boolean> {
  return (await within(["item"], "readonly", (t) => t.objectStore("item").index("id").count(id))) > 0;
}

export async function putChunk(id: string, n: number, sealed: Uint8Array<ArrayBuffer>): Promise<void> {
  await within(["chunk"], "readwrite", (t) => t.objectStore("chunk").put(sealed.buffer, [id, n]));
}

/** A sealed chunk; it faults with tampered where it is gone. */
export async function chunk(id: string, n: number): Promise<Uint8Array<ArrayBuffer>> {
  const sealed = await within(["chunk"], "readonly", (t) => t.objectStore("chunk").get([id, n]) as IDBRequest<ArrayBuffer | undefined>);
  if (!(sealed instanceof ArrayBuffer)) throw new VaultFault("tampered");
  return new Uint8Array(sealed);
}

/**
 * Puts an item once all of its chunks are there: from this moment on it is in the vault. One that is there already stays as it is. It faults
 * with closed where the vault was erased meanwhile, and with elsewhere where what it is taken from has left the inbox: another tab put it in,
 * or threw it away.
 */
export async function putRow(vault: string, item: Omit<Row, "seq">, taken?: number): Promise<void> {
  let gone = false;
  let elsewhere = false;
  await within(["vault", "item", "inbox"], "readwrite", (t) => {
    const header = t.objectStore("vault").get("header") as IDBRequest<Header | undefined>;
    header.onsuccess = () => {
      gone = header.result?.vault !== vault;
      if (gone) return;
      const items = t.objectStore("item");
      const put = (): void => {
        const there = items.index("id").count(item.id);
        there.onsuccess = () => there.result === 0 && items.add(item);
      };
      if (taken === undefined) return put();
      const inbox = t.objectStore("inbox");
      const left = inbox.count(taken);
      left.onsuccess = () => {
        elsewhere = left.result === 0;
        if (elsewhere) return;
        inbox.delete(taken);
        put();
      };
    };
    return undefined;
  });
  if (gone) throw new VaultFault("closed");
  if (elsewhere) throw new VaultFault("elsewhere");
}

/** Changes what was noted of the handings over of an item, as one step: another tab may note one at the same time. */
export async function putGiven(id: string, before: ArrayBuffer | undefined, given: Uint8Array<ArrayBuffer>): Promise<boolean> {
  let put = false;
  await within(["item"], "readwrite", (t) => {
    const items = t.objectStore("item");
    const there = items.index("id").get(id) as IDBRequest<Row | undefined>;
    there.onsuccess = () => {
      const now = there.result;
      if (!now || !same(now.given, before)) return;
      items.put({ ...now, given: given.buffer });
      put = true;
    };
    return undefined;
  });
  return put;
}

function same(a: ArrayBuffer | undefined, b: ArrayBuffer | undefined): boolean {
  if (!a || !b || a.byteLength !== b.byteLength) return !a && !b;
  const [left, right] = [new Uint8Array(a), new Uint8Array(b)];
  return left.every((byte, i) => byte === right[i]);
}

const chunksFrom = (id: string): IDBKeyRange => IDBKeyRange.bound([id, 0], [id, Number.MAX_SAFE_INTEGER]);

/** Takes an item away, with every chunk of it. */
export async function remove(id: string): Promise<void> {
  await within(["item", "chunk"], "readwrite", (t) => {
    t.objectStore("chunk").delete(chunksFrom(id));
    const there = t.objectStore("item").index("id").getKey(id);
    there.onsuccess = () => there.result !== undefined && t.objectStore("item").delete(there.result);
    return undefined;
  });
}

/** Takes away the chunks of an item that did not come in whole. */
export async function forget(id: string): Promise<void> {
  await within(["chunk"], "readwrite", (t) => t.objectStore("chunk").delete(chunksFrom(id)) as IDBRequest<undefined>);
}

/** While something comes in nobody sweeps. */
const coming = "vigie-vault-coming";

export async function whileComing<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? navigator.locks.request(coming, { mode: "shared" }, work) as Promise<T> : work();
}

/** Takes away what a tab that died left of items that did not come in whole. Where nobody can say whether one is coming it stays. */
export async function sweep(): Promise<void> {
  await navigator.locks?.request(coming, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    const ids = new Set((await rows()).map((r) => r.id));
    const keys = await within(["chunk"], "readonly", (t) => t.objectStore("chunk").getAllKeys());
    for (const id of new Set(keys.map((key) => (key as [string, number])[0]))) if (!ids.has(id)) await forget(id);
  });
}

/** Everything goes, because she said so twice. */
export async function erase(): Promise<void> {
  await within(["vault", "item", "chunk", "inbox"], "readwrite", (t) => {
    for (const name of ["vault", "item", "chunk", "inbox"] as const) t.objectStore(name).clear();
    return undefined;
  });
}

/** How much the inbox holds: whoever fills it, the vault keeps its place. */
export const inboxHolds = { things: 20, bytes: 200 * 1024 * 1024 };

const bytesIn = (chunks: readonly ArrayBuffer[]): number => chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);

/** Leaves things for a locked vault, all of them or none. It faults with full where the inbox does not hold them too. */
export async function leave(all: readonly Omit<Left, "seq">[]): Promise<void> {
  let things = all.length;
  let bytes = all.reduce((sum, left) => sum + bytesIn(left.chunks), 0);
  let full = false;
  await within(["inbox"], "readwrite", (t) => {
    const inbox = t.objectStore("inbox");
    const cursor = inbox.openCursor();
    cursor.onsuccess = () => {
      const at = cursor.result;
      if (at) {
        things++;
        bytes += bytesIn((at.value as Left).chunks);
        at.continue();
        return;
      }
      full = things > inboxHolds.things || bytes > inboxHolds.bytes;
      if (!full) for (const left of all) inbox.add(left);
    };
    return undefined;
  });
  if (full) throw new VaultFault("full");
}

/** What lies in the inbox, without the bodies: of each its first chunk, how many there are and how long they are. */
export async function inbox(): Promise<(Left & { count: number; bytes: number })[]> {
  const found: (Left & { count: number; bytes: number })[] = [];
  await within(["inbox"], "readonly", (t) => {
    const cursor = t.objectStore("inbox").openCursor();
    cursor.onsuccess = () => {
      const at = cursor.result;
      if (!at) return;
      const left = at.value as Left;
      found.push({ ...left, chunks: left.chunks.slice(0, 1), count: left.chunks.length, bytes: bytesIn(left.chunks) });
      at.continue();
    };
    return undefined;
  });
  return found;
}

export async function fromInbox(seq: number): Promise<Left | undefined> {
  return within(["inbox"], "readonly", (t) => t.objectStore("inbox").get(seq) as IDBRequest<Left | undefined>);
}

export async function takeFromInbox(seq: number): Promise<void> {
  await within(["inbox"], "readwrite", (t) => t.objectStore("inbox").delete(seq) as IDBRequest<undefined>);
}

/** Bytes that sealing a body, and keeping it, takes at the most. */
export const spaceFor = (size: number): number => size + chunksOf(size) * 4096 + 512 * 1024;

/** How large an item may be. */
export const largest = 500 * 1024 * 1024;

/** Whether something of this size can come in, by what the browser says is free: nothing of it is read. It faults with large, empty or space. */
export async function roomFor(size: number): Promise<void> {
  if (size > largest) throw new VaultFault("large");
  if (size === 0) throw new VaultFault("empty");
  const space = await free();
  if (space && space.quota - space.usage < spaceFor(size)) throw new VaultFault("space");
}

/** What the browser says is free; undefined where it does not say. */
export async function free(): Promise<{ usage: number; quota: number } | undefined> {
  const said = await navigator.storage?.estimate?.().catch(() => undefined);
  return said?.quota === undefined ? undefined : { usage: said.usage ?? 0, quota: said.quota };
}

