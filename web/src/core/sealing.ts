/**
 * The sealed case: from a receipt and fingerprints to the bytes that are sent, and back.
 *
 * Pure: what only a device can do (randomness, hashing, encryption) is passed in as `Primitives`.
 * Source: docs/protocol/case-v1.md §3 to §5.
 */
import { asciiBytes, concatBytes, fromBase64, toBase64, toHex, type Bytes } from './bytes.ts';
import { contentText, parseContent, type CaseContent, type Hold } from './case_content.ts';
import type { Fingerprint, PictureFingerprints } from './fingerprint.ts';
import { paddedBody, paddedPlaintext, PLAINTEXT_SIZES_BYTES, unpaddedText } from './padding.ts';
import { Problem } from './problem.ts';
import { newReceipt, type Receipt } from './receipt.ts';

/** §3.1. Memory in KiB. */
export const ARGON2 = { memoryKib: 32768, passes: 3, lanes: 1, lengthBytes: 32 } as const;

/** What fits the largest body and the largest plaintext. */
export const MAX_HOLDS = 200;

/** Most pictures in a submission, at three fingerprints each: one of what it looks like, two of its file. */
export const MAX_PICTURES = Math.floor(MAX_HOLDS / 3);

/**
 * The same when edited copies are to be found: up to 13 PDQ values and a set of 96 regions come with each picture, and of
 * five such pictures the body could be larger than the largest (§5.1).
 */
export const MAX_PICTURES_EDITED = 4;

const RECEIPT_SALT = 'takeback/receipt/v1';
const CASE_ID_INFO = 'takeback/case-id/v1';
const CASE_KEY_INFO = 'takeback/case-key/v1';
const CASE_CONTEXT = 'takeback/case/v1';
const CASE_ID_BYTES = 16;
const CASE_KEY_BYTES = 32;
const TOKEN_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What the device lends. Keys and digests are raw bytes; `aesGcmSeal` appends the 16-byte tag. */
export interface Primitives {
  randomBytes(length: number): Bytes;
  sha256(data: Bytes): Promise<Bytes>;
  /** Argon2id with the parameters of `ARGON2`. */
  argon2id(password: Bytes, salt: Bytes): Promise<Bytes>;
  /** HKDF-SHA256 with an empty salt. */
  hkdf(root: Bytes, info: Bytes, lengthBytes: number): Promise<Bytes>;
  aesGcmSeal(key: Bytes, nonce: Bytes, plaintext: Bytes, associated: Bytes): Promise<Bytes>;
  /** Rejects when the tag does not fit. */
  aesGcmOpen(key: Bytes, nonce: Bytes, sealed: Bytes, associated: Bytes): Promise<Bytes>;
}

/** What a receipt leads to. */
export interface CaseKeys {
  readonly caseId: Bytes;
  readonly caseKey: Bytes;
}

/** A submission that is ready to go, as often as it takes: the same bytes each time (§5.3). */
export interface Sealed {
  readonly receipt: Receipt;
  readonly body: string;
}

/** The keys of a receipt (§3). Takes about a second on a phone: that is the point of it. */
export async function deriveKeys(device: Primitives, receipt: Receipt): Promise<CaseKeys> {
  const root = await device.argon2id(asciiBytes(receipt), asciiBytes(RECEIPT_SALT));
  return {
    caseId: await device.hkdf(root, asciiBytes(CASE_ID_INFO), CASE_ID_BYTES),
    caseKey: await device.hkdf(root, asciiBytes(CASE_KEY_INFO), CASE_KEY_BYTES),
  };
}

/**
 * Seal what the person will need to come back (§4).
 *
 * @throws Problem `case.too_large`.
 */
export async function sealContent(device: Primitives, keys: CaseKeys, content: CaseContent): Promise<Bytes> {
  const plaintext = paddedPlaintext(contentText(content));
  const nonce = device.randomBytes(NONCE_BYTES);
  return concatBytes(nonce, await device.aesGcmSeal(keys.caseKey, nonce, plaintext, associatedData(keys)));
}

/**
 * Open a sealed case.
 *
 * @throws Problem `case.damaged` when it was not sealed with these keys, `case.content` when what is inside is not a
 *   case of this version.
 */
export async function openContent(device: Primitives, keys: CaseKeys, untrustedSealed: string): Promise<CaseContent> {
  const sealed = sealedBytes(untrustedSealed);
  let plaintext: Bytes;
  try {
    plaintext = await device.aesGcmOpen(
      keys.caseKey,
      sealed.slice(0, NONCE_BYTES),
      sealed.slice(NONCE_BYTES),
      associatedData(keys),
    );
  } catch {
    throw new Problem('case.damaged');
  }
  return parseContent(unpaddedText(plaintext));
}

/**
 * Make the whole submission: a new receipt, a token for each fingerprint, the sealed case, the padded body (§5.1).
 *
 * @param day `YYYY-MM-DD`.
 * @throws Problem `case.too_large` for more than 200 fingerprints, `case.empty` for none.
 */
export async function sealSubmission(
  device: Primitives,
  pictures: readonly PictureFingerprints[],
  day: string,
): Promise<Sealed> {
  const flat = pictures.flatMap(({ file, fingerprints }) => fingerprints.map((fingerprint) => ({ file, fingerprint })));
  if (flat.length === 0) throw new Problem('case.empty');
  if (flat.length > MAX_HOLDS) throw new Problem('case.too_large');
  const receipt = newReceipt((length) => device.randomBytes(length));
  const keys = await deriveKeys(device, receipt);
  const holds: Hold[] = [];
  const held: Record<string, unknown>[] = [];
  for (const { file, fingerprint } of flat) {
    const token = device.randomBytes(TOKEN_BYTES);
    holds.push({ token: toHex(token), algorithm: fingerprint.algorithm, file });
    held.push(fingerprintShape(fingerprint, toHex(await device.sha256(token))));
  }
  const sealed = await sealContent(device, keys, { day, holds });
  const body = paddedBody({
    case_id: toHex(keys.caseId),
    sealed: toBase64(sealed),
    fingerprints: shuffled(device, held),
  });
  return { receipt, body };
}

function fingerprintShape(fingerprint: Fingerprint, tokenHash: string): Record<string, unknown> {
  const { algorithm, value, quality } = fingerprint;
  return { algorithm, value, ...(quality === undefined ? {} : { quality }), token_hash: tokenHash };
}

function associatedData(keys: CaseKeys): Bytes {
  return concatBytes(asciiBytes(CASE_CONTEXT), keys.caseId);
}

function sealedBytes(untrustedSealed: string): Bytes {
  const sealed = fromBase64(untrustedSealed); // the wire's parser has checked the alphabet
  const plaintextBytes = sealed.length - NONCE_BYTES - TAG_BYTES;
  if (!PLAINTEXT_SIZES_BYTES.some((size) => size === plaintextBytes)) throw new Problem('case.damaged');
  return sealed;
}

/**
 * §5.1: the order in which fingerprints are sent says nothing of which belong to one picture. Sorted by a 64-bit draw
 * each: two equal draws among 200 are less likely than one in 10^14, and would cost one swap of chance.
 */
function shuffled<T>(device: Primitives, items: readonly T[]): T[] {
  const order = items.map((item) => ({ item, draw: new DataView(device.randomBytes(8).buffer).getBigUint64(0) }));
  order.sort((a, b) => (a.draw < b.draw ? -1 : a.draw > b.draw ? 1 : 0));
  return order.map(({ item }) => item);
}
