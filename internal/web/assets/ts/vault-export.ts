// One encrypted file with everything in it. Nothing is opened for it: what lies on the device is framed, under the same passphrase.
import { bound, bytesOf, type Header, prologue, record, recordHead, seal } from "./vault-format";
import * as store from "./vault-store";

/** The file of an export, in pieces that the browser may put aside. What cannot be opened goes with it, and is refused where it is read. */
export async function exported(key: CryptoKey, header: Header): Promise<Blob> {
  const parts: Blob[] = [new Blob([prologue(header)])];
  const ids: string[] = [];
  for (const item of await store.rows()) {
    ids.push(item.id);
    for (const [kind, sealed] of [
      [record.meta, item.meta],
      [record.thumb, item.thumb],
      [record.given, item.given],
    ] as const) {
      if (sealed) parts.push(new Blob([recordHead(kind, item.id, sealed.byteLength), sealed]));
    }
    for (let n = 0; n < item.chunks; n++) {
      const sealed = await store.chunk(item.id, n).catch(() => undefined);
      if (sealed) parts.push(new Blob([recordHead(record.chunk, item.id, sealed.length), sealed]));
    }
  }
  const end = await seal(key, bytesOf(JSON.stringify({ items: ids })), bound.end(header.vault));
  parts.push(new Blob([recordHead(record.end, "", end.length), end]));
  return new Blob(parts, { type: "application/octet-stream" });
}
