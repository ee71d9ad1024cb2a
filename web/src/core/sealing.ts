/**
 * The sealed case: from a receipt and fingerprints to the bytes that are sent, and back.
 *
 * Pure: what only a device can do (randomness, hashing, encryption) is passed in as `Primitives`.
 * Source: docs/protocol/case-v1.md §3 to §5.
 */
import { asciiBytes, concatBytes, fromBase64, toBase64, toHex, type Bytes } from './bytes.ts';
import { contentText, parseContent, type CaseContent, type Hold } from './case_content.ts';
import type { Fingerprint, PictureFingerprints } from './fingerprint.ts';
import { BODY_SIZES_BYTES, paddedBody, paddedPlaintext, PLAINTEXT_SIZES_BYTES, unpaddedText } from './padding.ts';
import { Problem } from './problem.ts';
import { newReceipt, type Receipt } from './receipt.ts';
import type { About } from './wire.ts';

/** §3.1. Memory in KiB. */
export const ARGON2 = { memoryKib: 32768, passes: 3, lanes: 1, lengthBytes: 32 } as const;

/** Fingerprints on a sheet: what fits the largest body and the largest plaintext. */
export const MAX_HOLDS = 200;

/** Most sheets of one case (§3.4). */
export const MAX_SHEETS = 32;

/**
 * Most pictures at one time. With edited copies, four of the fullest fill a sheet (13 PDQ values, 96 regions, two digests
 * each), so a case has room for 128 of those and for far more others.
 */
export const MAX_PICTURES = 100;

const RECEIPT_SALT = 'takeback/receipt/v1';
const CASE_ID_INFO = 'takeback/case-id/v1';
const CASE_KEY_INFO = 'takeback/case-key/v1';
const CASE_CONTEXT = 'takeback/case/v1';
const CASE_ID_BYTES = 16;
const CASE_KEY_BYTES = 32;
const TOKEN_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Without what stands around fingerprints and sealed bytes. */
const BODY_ROOM_BYTES = Math.max(...BODY_SIZES_BYTES) - 256;
const FINGERPRINT_OVERHEAD_BYTES = 160;
/** A hold in the sealed JSON, at most. */
const HOLD_BYTES = 100;

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

/** Submissions that are ready to go in this order, as often as it takes: the same bytes each time (§5.3). */
export interface Sealed {
  readonly receipt: Receipt;
  readonly bodies: readonly string[];
}

/** The keys of every sheet a receipt can have (§3). Takes about a second on a phone: that is the point of it. */
export async function deriveSheets(device: Primitives, receipt: Receipt): Promise<CaseKeys[]> {
  const root = await device.argon2id(asciiBytes(receipt), asciiBytes(RECEIPT_SALT));
  return Promise.all(Array.from({ length: MAX_SHEETS }, (_, i) => sheetKeys(device, root, i + 1)));
}

/** The keys of a receipt's first sheet. */
export async function deriveKeys(device: Primitives, receipt: Receipt): Promise<CaseKeys> {
  const root = await device.argon2id(asciiBytes(receipt), asciiBytes(RECEIPT_SALT));
  return sheetKeys(device, root, 1);
}

async function sheetKeys(device: Primitives, root: Bytes, sheet: number): Promise<CaseKeys> {
  const suffix = sheet === 1 ? '' : `/${String(sheet)}`;
  return {
    caseId: await device.hkdf(root, asciiBytes(CASE_ID_INFO + suffix), CASE_ID_BYTES),
    caseKey: await device.hkdf(root, asciiBytes(CASE_KEY_INFO + suffix), CASE_KEY_BYTES),
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
 * Make a whole new case: a new receipt, a token for each fingerprint, and for each sheet the sealed bytes and the padded
 * body (§5.1).
 *
 * @param day `YYYY-MM-DD`.
 * @param about whom it is about, if that was said.
 * @throws Problem `case.too_large` for more than the sheets can hold, `case.empty` for nothing.
 */
export async function sealSubmission(
  device: Primitives,
  pictures: readonly PictureFingerprints[],
  day: string,
  about?: About,
): Promise<Sealed> {
  const receipt = newReceipt((length) => device.randomBytes(length));
  const keys = await deriveSheets(device, receipt);
  return { receipt, bodies: await sealSheets(device, keys, pictures, day, about) };
}

/**
 * Seal pictures for sheets that are still free (§5.6).
 *
 * @param keys of the free sheets, in their order.
 * @throws Problem as `sealSubmission`.
 */
export async function sealSheets(
  device: Primitives,
  keys: readonly CaseKeys[],
  pictures: readonly PictureFingerprints[],
  day: string,
  about?: About,
): Promise<string[]> {
  const flat = pictures.flatMap(({ file, fingerprints }) => fingerprints.map((fingerprint) => ({ file, fingerprint })));
  const sheets = divided(flat);
  if (sheets.length === 0) throw new Problem('case.empty');
  const bodies: string[] = [];
  for (const [i, sheet] of sheets.entries()) {
    const key = keys[i];
    if (key === undefined) throw new Problem('case.too_large');
    bodies.push(await sealSheet(device, key, sheet, day, i === 0 ? about : undefined));
  }
  return bodies;
}

interface Numbered {
  readonly file: number;
  readonly fingerprint: Fingerprint;
}

async function sealSheet(
  device: Primitives,
  keys: CaseKeys,
  items: readonly Numbered[],
  day: string,
  about: About | undefined,
): Promise<string> {
  const holds: Hold[] = [];
  const held: Record<string, unknown>[] = [];
  for (const { file, fingerprint } of items) {
    const token = device.randomBytes(TOKEN_BYTES);
    holds.push({ token: toHex(token), algorithm: fingerprint.algorithm, file });
    held.push(fingerprintShape(fingerprint, toHex(await device.sha256(token))));
  }
  return paddedBody({
    case_id: toHex(keys.caseId),
    sealed: toBase64(await sealContent(device, keys, { day, holds })),
    fingerprints: shuffled(device, held),
    ...(about === undefined ? {} : { about }),
  });
}

/** As few sheets as it takes in this order, each of which fits the largest body (§5.6). */
function divided(items: readonly Numbered[]): Numbered[][] {
  const sheets: Numbered[][] = [];
  let values = 0;
  for (const item of items) {
    const bytes = item.fingerprint.value.length + FINGERPRINT_OVERHEAD_BYTES;
    let sheet = sheets.at(-1);
    if (sheet === undefined || !fits(sheet.length + 1, values + bytes)) {
      sheet = [];
      sheets.push(sheet);
      values = 0;
    }
    sheet.push(item);
    values += bytes;
  }
  return sheets;
}

function fits(holds: number, valueBytes: number): boolean {
  const plaintext = 64 + holds * HOLD_BYTES;
  // The estimate is generous: 200 holds do fit the largest plaintext.
  const size = PLAINTEXT_SIZES_BYTES.find((room) => plaintext <= room) ?? Math.max(...PLAINTEXT_SIZES_BYTES);
  const sealed = 4 * Math.ceil((size + NONCE_BYTES + TAG_BYTES) / 3);
  return holds <= MAX_HOLDS && valueBytes + sealed <= BODY_ROOM_BYTES;
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
