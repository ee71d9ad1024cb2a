/**
 * Sizes that say little: requests and sealed cases have one of a few lengths.
 *
 * Source: docs/protocol/case-v1.md §4.2 and §5.1.
 */
import { asciiBytes, asciiText, concatBytes, type Bytes } from './bytes.ts';
import { Problem } from './problem.ts';

/** A request body has exactly one of these sizes, in bytes. */
export const BODY_SIZES_BYTES = [4096, 16384, 65536] as const;

/** The plaintext of a sealed case has exactly one of these sizes, in bytes. */
export const PLAINTEXT_SIZES_BYTES = [1024, 4096, 16384] as const;

const LENGTH_BYTES = 4;

/**
 * Serialise `content` with a last member `padding` of spaces that brings the whole to the smallest size that fits.
 *
 * @throws Problem `case.too_large`.
 */
export function paddedBody(content: Record<string, unknown>): string {
  const bare = JSON.stringify({ ...content, padding: '' });
  const size = BODY_SIZES_BYTES.find((candidate) => bare.length <= candidate);
  if (size === undefined) throw new Problem('case.too_large');
  return `${bare.slice(0, -2)}${' '.repeat(size - bare.length)}"}`;
}

/**
 * Length-prefixed text, zero-filled to the smallest plaintext size that fits.
 *
 * @throws Problem `case.too_large`.
 */
export function paddedPlaintext(text: string): Bytes {
  const body = asciiBytes(text);
  const size = PLAINTEXT_SIZES_BYTES.find((candidate) => LENGTH_BYTES + body.length <= candidate);
  if (size === undefined) throw new Problem('case.too_large');
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, body.length);
  return concatBytes(length, body, new Uint8Array(size - LENGTH_BYTES - body.length));
}

/**
 * The text inside a padded plaintext.
 *
 * @throws Problem `case.content` when the length cannot be.
 */
export function unpaddedText(plaintext: Bytes): string {
  if (plaintext.length < LENGTH_BYTES) throw new Problem('case.content');
  const length = new DataView(plaintext.buffer, plaintext.byteOffset).getUint32(0);
  if (length > plaintext.length - LENGTH_BYTES) throw new Problem('case.content');
  return asciiText(plaintext.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
}
