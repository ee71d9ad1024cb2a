/**
 * Whether a PDQ value can be that of a real picture: the registry refuses what cannot (case-v1 §10.5), so it is not sent.
 *
 * The same limits as `takeback/model/plausibility.py`, which says what they rest on.
 */
import { fromHex } from './bytes.ts';

const MIN_ONES = 96;
const MAX_ONES = 128;
const PERIODS_BYTES = [1, 2, 4];

export function isPlausiblePdq(value: string): boolean {
  const bytes = fromHex(value);
  const ones = bytes.reduce((sum, byte) => sum + onesOf(byte), 0);
  const repeats = PERIODS_BYTES.some((period) => bytes.every((byte, i) => byte === bytes[i % period]));
  return ones >= MIN_ONES && ones <= MAX_ONES && !repeats;
}

function onesOf(byte: number): number {
  return byte === 0 ? 0 : (byte & 1) + onesOf(byte >> 1);
}
