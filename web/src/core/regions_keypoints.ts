/**
 * Keypoints: places and sizes that stand out and are found again after cropping, turning and resizing.
 *
 * Source: David Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (2004), sections 3 to 5; in the order of
 * src/takeback/hashing/regions/keypoints.py and orientation.py, which say what differs.
 */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- Kernels read typed arrays by computed index; a check at every pixel would cost more than the sum it guards. */
import { exp2, turns } from './regions_exact.ts';
import type { Grey } from './regions_grey.ts';
import { SCALES, SIGMA } from './regions_scale_space.ts';

/** Lengths in pixels of the octave; `response` in grey levels. */
export interface Keypoint {
  readonly x: number;
  readonly y: number;
  readonly level: number;
  readonly sigma: number;
  readonly response: number;
  readonly radius: number;
  readonly octave: number;
}

const THRESHOLD = 1;
const EDGE_RATIO = 20;
const MAGNIFICATION = 8;
const TOLERANCE = 0.4;
const BORDER = 2;
const MOVES = 5;
const MAX_OFFSET = 2;

const BINS = 36;
const PEAK_SHARE = 0.8;
const WINDOW_SIGMAS = 2.5;

interface Fit {
  readonly dx: number;
  readonly dy: number;
  readonly ds: number;
  readonly value: number;
  readonly trace: number;
  readonly determinant: number;
}

/** Differences of neighbouring levels, and how they are walked through. */
interface Differences {
  readonly width: number;
  readonly height: number;
  readonly levels: readonly Float32Array[];
}

/** All keypoints of an octave whose region is large enough and lies in the picture, in scan order. */
export function keypointsIn(levels: readonly Grey[], octave: number, minRadiusPx: number): Keypoint[] {
  const dog = differences(levels);
  const { width, height } = dog;
  const found: Keypoint[] = [];
  const half = Math.fround(0.5 * THRESHOLD);
  for (let level = 1; level <= SCALES; level++) {
    const values = dog.levels[level]!;
    for (let y = BORDER; y < height - BORDER; y++) {
      for (let x = BORDER; x < width - BORDER; x++) {
        const value = values[y * width + x]!;
        if ((value < half && value > -half) || !isExtremum(dog, level, y * width + x)) continue;
        const keypoint = settle(dog, level, y, x, octave);
        if (keypoint !== null && keypoint.radius >= minRadiusPx / 2 ** octave) found.push(keypoint);
      }
    }
  }
  return found;
}

function differences(levels: readonly Grey[]): Differences {
  const { width, height } = levels[0]!;
  const out = levels.slice(1).map((upper, index) => {
    const lower = levels[index]!.data;
    const difference = new Float32Array(lower.length);
    for (let i = 0; i < difference.length; i++) difference[i] = upper.data[i]! - lower[i]!;
    return difference;
  });
  return { width, height, levels: out };
}

/** Strictly above, or strictly below, all 26 neighbours. */
function isExtremum(dog: Differences, level: number, at: number): boolean {
  const own = dog.levels[level]!;
  const value = own[at]!;
  const above = value > 0;
  const { width } = dog;
  for (const values of [own, dog.levels[level - 1]!, dog.levels[level + 1]!]) {
    for (let row = at - width; row <= at + width; row += width) {
      for (let i = row - 1; i <= row + 1; i++) {
        if (values === own && i === at) continue;
        if (above ? values[i]! >= value : values[i]! <= value) return false;
      }
    }
  }
  return true;
}

/** Fit a quadratic around a pixel; null where it is flat. */
function fit(dog: Differences, level: number, y: number, x: number): Fit | null {
  const w = dog.width;
  const below = dog.levels[level - 1]!;
  const d = dog.levels[level]!;
  const above = dog.levels[level + 1]!;
  const at = y * w + x;
  const c = d[at]!;
  const gx = (d[at + 1]! - d[at - 1]!) * 0.5;
  const gy = (d[at + w]! - d[at - w]!) * 0.5;
  const gs = (above[at]! - below[at]!) * 0.5;
  const xx = d[at + 1]! + d[at - 1]! - 2 * c;
  const yy = d[at + w]! + d[at - w]! - 2 * c;
  const ss = above[at]! + below[at]! - 2 * c;
  const xy = (d[at + w + 1]! - d[at + w - 1]! - (d[at - w + 1]! - d[at - w - 1]!)) * 0.25;
  const xs = (above[at + 1]! - above[at - 1]! - (below[at + 1]! - below[at - 1]!)) * 0.25;
  const ys = (above[at + w]! - above[at - w]! - (below[at + w]! - below[at - w]!)) * 0.25;
  const ax = yy * ss - ys * ys;
  const ay = xs * ys - xy * ss;
  const az = xy * ys - xs * yy;
  const determinant = xx * ax + xy * ay + xs * az;
  if (Math.abs(determinant) < 1e-12) return null;
  const by = xx * ss - xs * xs;
  const bz = xy * xs - xx * ys;
  const cz = xx * yy - xy * xy;
  const dx = -(ax * gx + ay * gy + az * gs) / determinant;
  const dy = -(ay * gx + by * gy + bz * gs) / determinant;
  const ds = -(az * gx + bz * gy + cz * gs) / determinant;
  const value = c + 0.5 * (gx * dx + gy * dy + gs * ds);
  return { dx, dy, ds, value, trace: xx + yy, determinant: xx * yy - xy * xy };
}

/** Move to the pixel nearest to the fitted top; null when it runs away, is too faint, or lies on an edge. */
function settle(dog: Differences, fromLevel: number, fromY: number, fromX: number, octave: number): Keypoint | null {
  let [level, y, x] = [fromLevel, fromY, fromX];
  for (let move = 0; move < MOVES; move++) {
    const top = fit(dog, level, y, x);
    if (top === null) return null;
    const { dx, dy, ds } = top;
    if (Math.abs(dx) <= 0.5 && Math.abs(dy) <= 0.5 && Math.abs(ds) <= 0.5) {
      return accepted(dog, top, level, y, x, octave);
    }
    if (Math.abs(dx) > MAX_OFFSET || Math.abs(dy) > MAX_OFFSET || Math.abs(ds) > MAX_OFFSET) return null;
    x += Math.floor(dx + 0.5);
    y += Math.floor(dy + 0.5);
    level += Math.floor(ds + 0.5);
    const inside = x >= BORDER && y >= BORDER && x < dog.width - BORDER && y < dog.height - BORDER;
    if (!inside || level < 1 || level > SCALES) return null;
  }
  return null;
}

function accepted(dog: Differences, top: Fit, level: number, y: number, x: number, octave: number): Keypoint | null {
  const edgeLimit = ((EDGE_RATIO + 1) * (EDGE_RATIO + 1)) / EDGE_RATIO;
  if (Math.abs(top.value) < THRESHOLD || top.determinant <= 0) return null;
  if (top.trace * top.trace >= edgeLimit * top.determinant) return null;
  const sigma = SIGMA * exp2((level + top.ds) / SCALES);
  const radius = MAGNIFICATION * sigma;
  const px = x + top.dx;
  const py = y + top.dy;
  const margin = radius * (1 - TOLERANCE);
  if (px < margin || py < margin || px > dog.width - 1 - margin || py > dog.height - 1 - margin) return null;
  return { x: px, y: py, level, sigma, response: Math.abs(top.value), radius, octave };
}

/** The one or two main directions of the gradients around a keypoint, as parts of a full turn, the stronger first. */
export function orientations(level: Grey, keypoint: Keypoint): number[] {
  const bins = smoothed(smoothed(histogram(level, keypoint.x, keypoint.y, WINDOW_SIGMAS * keypoint.sigma)));
  const highest = Math.max(...bins);
  const peaks: { value: number; at: number }[] = [];
  for (let i = 0; i < BINS; i++) {
    const value = bins[i]!;
    const left = bins[(i + BINS - 1) % BINS]!;
    const right = bins[(i + 1) % BINS]!;
    if (!(value > left && value >= right && value >= PEAK_SHARE * highest)) continue;
    const at = (i + (0.5 * (left - right)) / (left - 2 * value + right)) / BINS;
    peaks.push({ value, at: at < 0 ? at + 1 : at });
  }
  return peaks
    .sort((one, other) => other.value - one.value)
    .slice(0, 2)
    .map(({ at }) => at);
}

function histogram(level: Grey, x: number, y: number, widthPx: number): Float64Array {
  const { width, height, data } = level;
  const reach = 3 * widthPx;
  const bins = new Float64Array(BINS);
  const lastY = Math.min(height - 2, Math.floor(y + reach));
  const lastX = Math.min(width - 2, Math.floor(x + reach));
  for (let py = Math.max(1, Math.ceil(y - reach)); py <= lastY; py++) {
    const dy = py - y;
    for (let px = Math.max(1, Math.ceil(x - reach)); px <= lastX; px++) {
      const dx = px - x;
      let near = 1 - (dx * dx + dy * dy) / (reach * reach);
      if (near <= 0) continue;
      const at = py * width + px;
      const gx = data[at + 1]! - data[at - 1]!;
      const gy = data[at + width]! - data[at - width]!;
      near = near * near;
      const weight = Math.sqrt(gx * gx + gy * gy) * near * near;
      const bin = turns(gy, gx) * BINS;
      const low = Math.trunc(bin);
      const part = bin - low;
      bins[low % BINS]! += weight * (1 - part);
      bins[(low + 1) % BINS]! += weight * part;
    }
  }
  return bins;
}

function smoothed(bins: Float64Array): Float64Array {
  return bins.map((value, i) => {
    const near = bins[(i + BINS - 1) % BINS]! + bins[(i + 1) % BINS]!;
    const far = bins[(i + BINS - 2) % BINS]! + bins[(i + 2) % BINS]!;
    return (6 * value + 4 * near + far) / 16;
  });
}
