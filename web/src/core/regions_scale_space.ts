/**
 * Blurring, and the two pyramids: one to find keypoints in, a sharper one to sample patches from. Everything is float32,
 * one operation at a time in the order of src/takeback/hashing/regions/scale_space.py.
 */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- Kernels read typed arrays by computed index; a check at every pixel would cost more than the sum it guards. */
import { exp, exp2 } from './regions_exact.ts';
import type { Grey } from './regions_grey.ts';

/** Levels in which keypoints are looked for, to a doubling of scale. Source: Lowe (2004), section 3.2. */
export const SCALES = 3;

/** Blur of the first level of an octave. Source: Lowe (2004), section 3.3. */
export const SIGMA = 1.6;

const CAMERA_SIGMA = 0.5;
const PATCH_SIGMA = 0.8;
const PATCH_LEVELS = 4;
const RADIUS_IN_SIGMAS = 3;
const MIN_SIDE = 16;

/** One side of a Gaussian kernel, the middle first, cut at three sigmas and normalised to a sum of 1. */
function gaussian(sigma: number): Float32Array {
  const radius = Math.ceil(RADIUS_IN_SIGMAS * sigma);
  const weights = Array.from({ length: radius + 1 }, (_, i) => exp(-(i * i) / (2 * sigma * sigma)));
  let total = weights[0]!;
  for (const weight of weights.slice(1)) total = total + 2 * weight;
  return Float32Array.from(weights, (weight) => weight / total);
}

/** The working picture blurred to the first level of the first octave. */
export function octaveBase(grey: Grey): Grey {
  return blurred(grey, gaussian(Math.sqrt(SIGMA * SIGMA - CAMERA_SIGMA * CAMERA_SIGMA)));
}

/** Six levels, each more blurred than the one before; level 3 has twice the sigma of level 0. */
export function octaveLevels(base: Grey): Grey[] {
  const sigmas = Array.from({ length: SCALES + 3 }, (_, level) => SIGMA * exp2(level / SCALES));
  let level = base;
  const levels = [base];
  for (let i = 1; i < sigmas.length; i++) {
    const less = sigmas[i - 1]!;
    const more = sigmas[i]!;
    level = blurred(level, gaussian(Math.sqrt(more * more - less * less)));
    levels.push(level);
  }
  return levels;
}

/** Every second pixel of the level of twice the sigma; null when it has become too small to search. */
export function nextBase(levels: readonly Grey[]): Grey | null {
  const smaller = halved(levels[SCALES]!);
  return Math.min(smaller.width, smaller.height) >= MIN_SIDE ? smaller : null;
}

/** The working picture and its halvings, blurred just enough to be sampled. */
export function patchPyramid(grey: Grey): Grey[] {
  let level = blurred(grey, gaussian(PATCH_SIGMA));
  const pyramid = [level];
  const weights = gaussian(Math.sqrt(3) * Math.sqrt(PATCH_SIGMA * PATCH_SIGMA + 0.25));
  while (pyramid.length < PATCH_LEVELS) {
    level = halved(blurred(level, weights));
    pyramid.push(level);
  }
  return pyramid;
}

function halved(image: Grey): Grey {
  const width = Math.ceil(image.width / 2);
  const height = Math.ceil(image.height / 2);
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[y * width + x] = image.data[2 * y * image.width + 2 * x]!;
  }
  return { width, height, data };
}

/** Where a position outside lies when the picture is mirrored at its edge, the edge pixel repeated. */
function mirrored(index: number, length: number): number {
  let at = index;
  while (at < 0 || at >= length) at = at < 0 ? -1 - at : 2 * length - 1 - at;
  return at;
}

/** Symmetric separable blur, rows then columns, mirrored at the border. */
function blurred(image: Grey, weights: Float32Array): Grey {
  const { width, height } = image;
  const rows = new Float32Array(width * height);
  const radius = weights.length - 1;
  const padded = new Float32Array(width + 2 * radius);
  for (let y = 0; y < height; y++) {
    const at = y * width;
    for (let x = 0; x < radius; x++) {
      padded[x] = image.data[at + mirrored(x - radius, width)]!;
      padded[width + radius + x] = image.data[at + mirrored(width + x, width)]!;
    }
    padded.set(image.data.subarray(at, at + width), radius);
    blurRow(padded, weights, rows, at, width);
  }
  return { width, height, data: blurColumns(rows, weights, width, height) };
}

function blurRow(padded: Float32Array, weights: Float32Array, out: Float32Array, at: number, width: number): void {
  const radius = weights.length - 1;
  const middle = weights[0]!;
  for (let x = 0; x < width; x++) {
    let total = Math.fround(middle * padded[x + radius]!);
    for (let i = 1; i <= radius; i++) {
      const pair = Math.fround(padded[x + radius - i]! + padded[x + radius + i]!);
      total = Math.fround(total + Math.fround(weights[i]! * pair));
    }
    out[at + x] = total;
  }
}

function blurColumns(rows: Float32Array, weights: Float32Array, width: number, height: number): Float32Array {
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const at = y * width;
    const middle = weights[0]!;
    for (let x = 0; x < width; x++) out[at + x] = middle * rows[at + x]!;
    for (let i = 1; i < weights.length; i++) {
      const weight = weights[i]!;
      const above = mirrored(y - i, height) * width;
      const below = mirrored(y + i, height) * width;
      for (let x = 0; x < width; x++) {
        const pair = Math.fround(rows[above + x]! + rows[below + x]!);
        out[at + x] = out[at + x]! + Math.fround(weight * pair);
      }
    }
  }
  return out;
}
