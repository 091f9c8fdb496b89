// How the passphrase becomes the key of a vault. It takes a second on purpose, so it runs in the worker and never in the page.
import { argon2id } from "@noble/hashes/argon2.js";
import { base64, bound, ceiling, type Costs, floor, type Header, newID, open, overhead, phraseBytes, random, seal, unbase64, VaultFault, version } from "./vault-format";

/** What an open vault is worked with; none of the keys can be taken out of the browser. */
export interface Keys {
  data: CryptoKey;
  /** Opens what was shared while the vault was locked. */
  inbox: CryptoKey;
}

const aes = { name: "AES-GCM" } as const;
const curve = { name: "ECDH", namedCurve: "P-256" } as const;

/** From cheap to dear; the first is the floor, below which no vault is made, however slow the phone. */
const ladder: readonly Costs[] = [
  floor,
  { memory: 32 * 1024, passes: 2, lanes: 1 },
  { memory: 46 * 1024, passes: 2, lanes: 1 },
  { memory: 64 * 1024, passes: 2, lanes: 1 },
  { memory: 64 * 1024, passes: 3, lanes: 1 },
  { memory: 64 * 1024, passes: 4, lanes: 1 },
  { memory: 64 * 1024, passes: 6, lanes: 1 },
];

/** Milliseconds that unlocking may take by what was measured; what is left to two seconds is for a busy phone. */
const budget = 1500;

/** The dearest costs that this device pays within the budget. */
export function calibrate(now = () => performance.now()): Costs {
  const probe = random(16);
  argon2id(probe, probe, { t: 1, m: 8 * 1024, p: 1, dkLen: 32 }); // the first run pays for the compiler
  const began = now();
  argon2id(probe, probe, { t: 1, m: floor.memory, p: 1, dkLen: 32 });
  const each = (now() - began) / floor.memory;
  return [...ladder].reverse().find((c) => each * c.memory * c.passes <= budget) ?? floor;
}

/** The 32 bytes that a passphrase gives. They are wiped by whoever asked. */
export function derive(phrase: string, salt: Uint8Array, costs: Costs): Uint8Array<ArrayBuffer> {
  if (costs.memory > ceiling.memory || costs.passes > ceiling.passes || costs.lanes > ceiling.lanes) throw new VaultFault("costs");
  const secret = phraseBytes(phrase);
  try {
    return Uint8Array.from(argon2id(secret, salt, { t: costs.passes, m: costs.memory, p: costs.lanes, dkLen: 32 }));
  } finally {
    secret.fill(0);
  }
}

async function wrapping(phrase: string, kdf: Header["kdf"]): Promise<CryptoKey> {
  const raw = derive(phrase, unbase64(kdf.salt, 16), kdf);
  try {
    return await crypto.subtle.importKey("raw", raw, aes, false, ["encrypt", "decrypt"]);
  } finally {
    raw.fill(0);
  }
}

const newKDF = (costs: Costs): Header["kdf"] => ({ name: "argon2id", version: 19, memory: costs.memory, passes: costs.passes, lanes: costs.lanes, salt: base64(random(16)) });

/** Makes a vault for a passphrase: its header, and its keys. */
export async function create(phrase: string, costs: Costs): Promise<{ header: Header; keys: Keys }> {
  const vault = newID();
  const kdf = newKDF(costs);
  const wrap = await wrapping(phrase, kdf);
  const raw = random(32);
  const pair = await crypto.subtle.generateKey(curve, true, ["deriveBits"]);
  const publicKey = base64(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  try {
    const data = await crypto.subtle.importKey("raw", raw, aes, false, ["encrypt", "decrypt"]);
    const inbox = await crypto.subtle.importKey("pkcs8", pkcs8, curve, false, ["deriveBits"]);
    const header: Header = {
      format: "vigie-vault",
      version,
      vault,
      kdf,
      key: base64(await seal(wrap, raw, bound.key(vault, kdf))),
      inbox: { public: publicKey, private: base64(await seal(data, pkcs8, bound.inboxKey(vault, publicKey))) },
    };
    return { header, keys: { data, inbox } };
  } finally {
    raw.fill(0);
    pkcs8.fill(0);
  }
}

/** The 32 bytes of a vault's data key. They are wiped by whoever asked. */
async function unwrapped(phrase: string, header: Header): Promise<Uint8Array<ArrayBuffer>> {
  const wrap = await wrapping(phrase, header.kdf);
  return open(wrap, unbase64(header.key, 32 + overhead), bound.key(header.vault, header.kdf)).catch(() => {
    throw new VaultFault("wrong");
  });
}

/**
 * The header of the same vault under another passphrase: its data key is wrapped anew, and nothing else changes. It faults with wrong where
 * the first is not the passphrase of now.
 */
export async function rewrap(phrase: string, header: Header, next: string, costs: Costs): Promise<Header> {
  const raw = await unwrapped(phrase, header);
  try {
    const kdf = newKDF(costs);
    return { ...header, kdf, key: base64(await seal(await wrapping(next, kdf), raw, bound.key(header.vault, kdf))) };
  } finally {
    raw.fill(0);
  }
}

/** Opens a vault; it faults with wrong for another passphrase. */
export async function unlock(phrase: string, header: Header): Promise<Keys> {
  const raw = await unwrapped(phrase, header);
  let pkcs8: Uint8Array<ArrayBuffer> | undefined;
  try {
    const data = await crypto.subtle.importKey("raw", raw, aes, false, ["encrypt", "decrypt"]);
    pkcs8 = await open(data, unbase64(header.inbox.private), bound.inboxKey(header.vault, header.inbox.public));
    return { data, inbox: await crypto.subtle.importKey("pkcs8", pkcs8, curve, false, ["deriveBits"]) };
  } finally {
    raw.fill(0);
    pkcs8?.fill(0);
  }
}
