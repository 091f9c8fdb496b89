// What is done with files on the page of the vault: what they are, how they are shown small, how they leave it.
import type { Kind } from "./vault-format";
import { largest } from "./vault-store";

const thumbSide = 240;

/** A fair number below a bound. */
export function drawn(below: number): number {
  const fair = Math.floor(0x1_0000_0000 / below) * below;
  for (;;) {
    const [n] = crypto.getRandomValues(new Uint32Array(1));
    if (n !== undefined && n < fair) return n % below;
  }
}

/** How many bytes of a beginning say what something is. */
const headSize = 4096;

/** The beginning of a file; nothing where it cannot be read, or is more than the vault takes. */
export async function headOf(file: Blob): Promise<Uint8Array> {
  if (file.size > largest) return new Uint8Array();
  return new Uint8Array(await file.slice(0, headSize).arrayBuffer().catch(() => new ArrayBuffer(0)));
}

/** What something is by its first bytes; undefined where they do not say. A type that a file brings is what its sender wrote. */
function known(head: Uint8Array): "picture" | "video" | "sound" | "text" | undefined {
  if (sniff(head)) return "picture";
  const begin = Array.from(head.subarray(0, 64), (b) => String.fromCharCode(b)).join("");
  if (/^[\s\S]{4}ftyp(?:hei|hev|avif|avis|mif1|msf1)/.test(begin)) return "picture";
  // Films, or sound alone: the box says it further in, and is not looked for.
  if (/^[\s\S]{4}ftyp|^\x1a\x45\xdf\xa3|^RIFF[\s\S]{4}AVI /.test(begin)) return "video";
  // MPEG audio and AAC by their frames; an Ogg by its first stream.
  if (/^ID3|^fLaC|^#!AMR|^RIFF[\s\S]{4}WAVE|^OggS[\s\S]{24}(?:OpusHead|\x01vorbis)|^\xff[\xe2\xe3\xf1\xf2\xf3\xf9\xfa\xfb]/.test(begin)) return "sound";
  return isText(head) ? "text" : undefined;
}

/** Whether a beginning is written words, and nothing that draws: pages, drawings, PDF and RTF begin as text and show pictures. */
function isText(head: Uint8Array): boolean {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: head.length >= headSize });
    return text !== "" && !/[\0-\x08\x0b\x0e-\x1f\x7f]/.test(text) && !/^\s*(?:<|%PDF|%!PS|\{\\rtf|data:)/i.test(text);
  } catch {
    return false;
  }
}

/** Whether somebody might be seen in it: in everything that is not text or sound by its content. */
export function mayShow(head: Uint8Array): boolean {
  const what = known(head);
  return what !== "text" && what !== "sound";
}

export function kindOf(head: Uint8Array, type: string): Kind {
  const what = known(head);
  if (what === "text") return "file";
  if (what === "video") return type.startsWith("audio/") ? "sound" : "video";
  if (what) return what;
  if (/^image\/(?!svg)/.test(type)) return "picture";
  return type.startsWith("video/") ? "video" : type.startsWith("audio/") ? "sound" : "file";
}

/** The type of a picture by its content, as the house reads it (chat.Sniff); "" for anything else. */
export function sniff(head: Uint8Array): string {
  const begins = (...bytes: number[]): boolean => bytes.every((b, i) => head[i] === b);
  if (begins(0xff, 0xd8, 0xff)) return "image/jpeg";
  if (begins(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return "image/png";
  const text = Array.from(head.subarray(0, 12), (b) => String.fromCharCode(b)).join("");
  if (/^GIF8[79]a/.test(text)) return "image/gif";
  return /^RIFF[\s\S]{4}WEBP/.test(text) ? "image/webp" : "";
}

/** A small JPEG of a picture; undefined where the browser cannot draw it. */
export async function thumbOf(picture: Blob): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (picture.size > 60 * 1024 * 1024) return undefined;
  try {
    const bitmap = await createImageBitmap(picture);
    const by = Math.min(1, thumbSide / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * by));
    canvas.height = Math.max(1, Math.round(bitmap.height * by));
    const pen = canvas.getContext("2d");
    if (pen) {
      pen.fillStyle = "#fff";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    }
    bitmap.close();
    const small = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.7));
    return small ? new Uint8Array(await small.arrayBuffer()) : undefined;
  } catch {
    return undefined;
  }
}

export function download(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
