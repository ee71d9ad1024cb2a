/** From a region to 256 bits: sample a 32×32 patch the right way up, fade its corners, transform, compare with the median. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- Kernels read typed arrays by computed index; a check at every pixel would cost more than the sum it guards. */
import { cosSin } from './regions_exact.ts';
import type { Grey } from './regions_grey.ts';

export const PATCH_SIDE = 32;
const BITS_SIDE = 16;
const BITS = 256;
const FADE = 28 * 28;

/** What a patch gives: 32 bytes, and how much there is in it, in grey levels. */
export interface PatchHash {
  readonly value: Uint8Array;
  readonly activity: number;
  readonly deviation: number;
  readonly spread: number;
}

/** (16, 32): rows 1 to 16 of the 32-point cosine transform. */
export function cosines(): Float64Array {
  const scale = Math.sqrt(2 / PATCH_SIDE);
  const table = new Float64Array(BITS_SIDE * PATCH_SIDE);
  for (let i = 0; i < BITS_SIDE; i++) {
    for (let j = 0; j < PATCH_SIDE; j++) {
      table[i * PATCH_SIDE + j] = scale * cosSin((Math.PI / 64) * (((i + 1) * (2 * j + 1)) % 128)).cosine;
    }
  }
  return table;
}

/** Hash a turned square of 2 × 2 radii; null when not exactly half of the bits are set, for it or for its mirror image. */
export function hashPatch(
  level: Grey,
  square: { x: number; y: number; radius: number; turn: number },
  table: Float64Array,
): PatchHash | null {
  const patch = sample(level, square);
  const { activity, spread } = activityOf(patch);
  const deviation = medianDeviation(transform(patch, table));
  taper(patch);
  const frequencies = transform(patch, table);
  const value = bitsOf(frequencies);
  const turned = frequencies.map((number, k) => ((k >> 4) % 2 === 0 ? -number : number));
  return value === null || bitsOf(turned) === null ? null : { value, activity, deviation, spread };
}

function sample(level: Grey, square: { x: number; y: number; radius: number; turn: number }): Float64Array {
  const { width, height, data } = level;
  const { cosine, sine } = cosSin(square.turn * (2 * Math.PI));
  const step = (2 * square.radius) / PATCH_SIDE;
  const out = new Float64Array(PATCH_SIDE * PATCH_SIDE);
  for (let i = 0; i < PATCH_SIDE; i++) {
    const v = (i - 15.5) * step;
    for (let j = 0; j < PATCH_SIDE; j++) {
      const u = (j - 15.5) * step;
      const sx = Math.min(Math.max(square.x + (cosine * u - sine * v), 0), width - 1);
      const sy = Math.min(Math.max(square.y + (sine * u + cosine * v), 0), height - 1);
      const left = Math.min(Math.trunc(sx), width - 2);
      const top = Math.min(Math.trunc(sy), height - 2);
      const fx = sx - left;
      const fy = sy - top;
      const at = top * width + left;
      const upper = data[at]! * (1 - fx) + data[at + 1]! * fx;
      const lower = data[at + width]! * (1 - fx) + data[at + width + 1]! * fx;
      out[i * PATCH_SIDE + j] = upper * (1 - fy) + lower * fy;
    }
  }
  return out;
}

/** Mean absolute difference of neighbours, and the standard deviation. */
function activityOf(patch: Float64Array): { activity: number; spread: number } {
  let total = 0;
  let mean = 0;
  for (let i = 0; i < PATCH_SIDE; i++) {
    for (let j = 0; j < PATCH_SIDE; j++) {
      const value = patch[i * PATCH_SIDE + j]!;
      mean += value;
      if (j < PATCH_SIDE - 1) total += Math.abs(patch[i * PATCH_SIDE + j + 1]! - value);
      if (i < PATCH_SIDE - 1) total += Math.abs(patch[(i + 1) * PATCH_SIDE + j]! - value);
    }
  }
  mean /= 1024;
  let variance = 0;
  for (const value of patch) variance += (value - mean) * (value - mean);
  return { activity: total / 1984, spread: Math.sqrt(variance / 1024) };
}

/** Take the mean away and fade the patch out towards its corners, in place. */
function taper(patch: Float64Array): void {
  let mean = 0;
  for (const value of patch) mean += value;
  mean /= 1024;
  for (let i = 0; i < PATCH_SIDE; i++) {
    for (let j = 0; j < PATCH_SIDE; j++) {
      const away = (i - 15.5) * (i - 15.5) + (j - 15.5) * (j - 15.5);
      const at = i * PATCH_SIDE + j;
      patch[at] = (patch[at]! - mean) * (1 - away / FADE);
    }
  }
}

/** (16, 16): the low frequencies of a patch, without the mean. */
function transform(patch: Float64Array, table: Float64Array): Float64Array {
  const half = new Float64Array(BITS_SIDE * PATCH_SIDE);
  for (let i = 0; i < BITS_SIDE; i++) {
    for (let k = 0; k < PATCH_SIDE; k++) {
      const factor = table[i * PATCH_SIDE + k]!;
      for (let j = 0; j < PATCH_SIDE; j++) half[i * PATCH_SIDE + j]! += factor * patch[k * PATCH_SIDE + j]!;
    }
  }
  const full = new Float64Array(BITS);
  for (let i = 0; i < BITS_SIDE; i++) {
    for (let j = 0; j < BITS_SIDE; j++) {
      let total = 0;
      for (let k = 0; k < PATCH_SIDE; k++) total += half[i * PATCH_SIDE + k]! * table[j * PATCH_SIDE + k]!;
      full[i * BITS_SIDE + j] = total;
    }
  }
  return full;
}

function median(values: Float64Array): number {
  const ordered = values.slice().sort();
  return 0.5 * (ordered[127]! + ordered[128]!);
}

/** Median distance of the frequencies from their median: how surely the bits stand. */
function medianDeviation(frequencies: Float64Array): number {
  const middle = median(frequencies);
  return median(frequencies.map((value) => Math.abs(value - middle)));
}

/** Which frequencies are above the median, the first as the most significant bit; null unless exactly half of them are. */
function bitsOf(frequencies: Float64Array): Uint8Array | null {
  const middle = median(frequencies);
  const value = new Uint8Array(BITS / 8);
  let ones = 0;
  for (let k = 0; k < BITS; k++) {
    if (frequencies[k]! > middle) {
      value[k >> 3]! |= 128 >> (k % 8);
      ones++;
    }
  }
  return ones === BITS / 2 ? value : null;
}
