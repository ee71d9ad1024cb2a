/**
 * Other views of one picture whose hashes are worth having: what is left without bars, and the crops that apps make. The
 * same boxes and pixels, in whole numbers, as src/takeback/hashing/variants.py, which says why.
 */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- Kernels read typed arrays by computed index; a check at every pixel would cost more than the sum it guards. */
import type { GreyPixels, RgbaPixels } from './pdq.ts';

/** A part of a picture, in pixels; right and bottom are not included. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Width to height of the crops that large apps offer or make by themselves. */
const PROPORTIONS: readonly (readonly [number, number])[] = [
  [1, 1],
  [4, 5],
  [5, 4],
  [3, 4],
  [4, 3],
  [9, 16],
  [16, 9],
  [191, 100],
];

const LEAST_LONG_SIDE_PX = 1024;
const NEAR = 10;
const SAME_SHARE_PERCENT = 98;
const MIN_SIDE_PX = 48;
const NESTED = 3;
const FILLED_PERCENT = 40;
const MAX_GAP_PERMILLE = 8;
const MIN_GROUND_PERCENT = 60;

/** The views of a picture, itself not included, whose hashes stand for it on a list: content boxes and app crops. */
export function viewsToRegister(pixels: RgbaPixels): RgbaPixels[] {
  const small = shrunk(pixels);
  return boxesToRegister(small).map((box) => cut(small, box));
}

/** Where those views are in the shrunk picture; `cut` takes one out, so that not all of them need be held at once. */
export function boxesToRegister(small: RgbaPixels): Box[] {
  return [...contentBoxes(small), ...appCrops(small)];
}

/** The picture shrunk by the largest whole factor that leaves 1024 pixels of the longer side, opaque, on white. */
export function shrunk(pixels: RgbaPixels): RgbaPixels {
  const longSide = Math.max(pixels.width, pixels.height);
  const factor = Math.max(1, Math.min(Math.floor(longSide / LEAST_LONG_SIDE_PX), pixels.width, pixels.height));
  const width = Math.floor(pixels.width / factor);
  const height = Math.floor(pixels.height / factor);
  const count = factor * factor;
  const data = new Uint8Array(4 * width * height);
  const sums = new Int32Array(3 * width);
  for (let y = 0; y < height; y++) {
    sums.fill(Math.floor(count / 2));
    for (let row = y * factor; row < (y + 1) * factor; row++) addRow(pixels, row, factor, sums);
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      for (let channel = 0; channel < 3; channel++) data[at + channel] = Math.floor(sums[3 * x + channel]! / count);
      data[at + 3] = 255;
    }
  }
  return { width, height, data };
}

function addRow({ data, width }: RgbaPixels, row: number, factor: number, sums: Int32Array): void {
  let at = 4 * row * width;
  for (let to = 0; to < sums.length; to += 3) {
    for (let k = 0; k < factor; k++, at += 4) {
      const alpha = data[at + 3]!;
      for (let channel = 0; channel < 3; channel++) {
        const value = data[at + channel]!;
        sums[to + channel]! += alpha === 255 ? value : Math.floor((value * alpha + 255 * (255 - alpha) + 127) / 255);
      }
    }
  }
}

/** What is left when borders and interface bars are trimmed: once, and again if what is left has bars too. */
export function contentBoxes(pixels: RgbaPixels): Box[] {
  return contentBoxesOfGrey(greyOf(pixels));
}

/** The same of a picture that is grey already. */
export function contentBoxesOfGrey(whole: GreyPixels): Box[] {
  const found: Box[] = [];
  let grey = whole;
  let [left, top] = [0, 0];
  while (found.length < NESTED) {
    const inner = trimmed(grey);
    if (inner === null) break;
    found.push({
      left: left + inner.left,
      top: top + inner.top,
      right: left + inner.right,
      bottom: top + inner.bottom,
    });
    left += inner.left;
    top += inner.top;
    grey = cutGrey(grey, inner);
  }
  return found;
}

/** The centre crops of well-known proportions that leave out at least one part in fifty. */
export function appCrops({ width, height }: { readonly width: number; readonly height: number }): Box[] {
  return PROPORTIONS.flatMap(([across, down]) => {
    const cropWidth = Math.min(width, Math.floor((height * across) / down));
    const cropHeight = Math.min(height, Math.floor((width * down) / across));
    if (Math.min(cropWidth, cropHeight) < MIN_SIDE_PX) return [];
    const left = Math.floor((width - cropWidth) / 2);
    const top = Math.floor((height - cropHeight) / 2);
    const box = { left, top, right: left + cropWidth, bottom: top + cropHeight };
    return isSmaller(box, width, height) ? [box] : [];
  });
}

function isSmaller(box: Box, width: number, height: number): boolean {
  return (box.right - box.left) * (box.bottom - box.top) * 100 <= width * height * SAME_SHARE_PERCENT;
}

/** A copy of a part of a picture. */
export function cut(pixels: RgbaPixels, box: Box): RgbaPixels {
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  const data = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 4 * ((box.top + y) * pixels.width + box.left);
    data.set(pixels.data.subarray(from, from + 4 * width), 4 * y * width);
  }
  return { width, height, data };
}

/** A copy of a part of a grey picture. */
export function cutGrey(grey: GreyPixels, box: Box): GreyPixels {
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const from = (box.top + y) * grey.width + box.left;
    data.set(grey.data.subarray(from, from + width), y * width);
  }
  return { width, height, data };
}

function greyOf({ data, width, height }: RgbaPixels): GreyPixels {
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = (77 * data[4 * i]! + 150 * data[4 * i + 1]! + 29 * data[4 * i + 2]!) >> 8;
  }
  return { width, height, data: grey };
}

function trimmed(grey: GreyPixels): Box | null {
  const ground = groundOf(grey);
  if (ground === null) return null;
  const { width, height } = grey;
  // Rows, then the columns of those rows; and rows again, because bars at the sides dilute a row's share.
  let rows: readonly [number, number];
  let columns: readonly [number, number] = [0, width];
  for (let pass = 0; ; pass++) {
    rows = longestRun(filledRows(grey, columns, ground));
    columns = longestRun(filledColumns(grey, rows, ground));
    if (pass === 1) break;
  }
  const box = { left: columns[0], top: rows[0], right: columns[1], bottom: rows[1] };
  const tooSmall = Math.min(box.right - box.left, box.bottom - box.top) < MIN_SIDE_PX;
  return tooSmall || !isSmaller(box, width, height) ? null : box;
}

/** The grey most frequent on one side of the picture, where it covers most of it; of several the clearest. */
function groundOf({ data, width, height }: GreyPixels): number | null {
  let best: number | null = null;
  let bestPercent = MIN_GROUND_PERCENT;
  for (let side = 0; side < 4; side++) {
    const length = side < 2 ? width : height;
    const counts = new Int32Array(256);
    for (let i = 0; i < length; i++) {
      const at = side < 2 ? (side === 0 ? 0 : (height - 1) * width) + i : i * width + (side === 2 ? 0 : width - 1);
      counts[data[at]!]!++;
    }
    const level = counts.indexOf(Math.max(...counts));
    let near = 0;
    for (let value = Math.max(0, level - NEAR); value <= Math.min(255, level + NEAR); value++) near += counts[value]!;
    const percent = Math.floor((near * 100) / length);
    if (percent > bestPercent) [best, bestPercent] = [level, percent];
  }
  return best;
}

function filledRows(
  { data, width, height }: GreyPixels,
  columns: readonly [number, number],
  ground: number,
): boolean[] {
  const [from, to] = columns;
  return Array.from({ length: height }, (_, y) => {
    let count = 0;
    for (let at = y * width + from; at < y * width + to; at++) if (Math.abs(data[at]! - ground) > NEAR) count++;
    return count * 100 >= (to - from) * FILLED_PERCENT;
  });
}

function filledColumns({ data, width }: GreyPixels, rows: readonly [number, number], ground: number): boolean[] {
  const counts = new Int32Array(width);
  for (let y = rows[0]; y < rows[1]; y++) {
    for (let x = 0; x < width; x++) if (Math.abs(data[y * width + x]! - ground) > NEAR) counts[x]!++;
  }
  return Array.from(counts, (count) => count * 100 >= (rows[1] - rows[0]) * FILLED_PERCENT);
}

/** The longest stretch of content; short gaps, as a line across a photograph may be, do not end it. */
function longestRun(filled: readonly boolean[]): readonly [number, number] {
  const allowed = Math.max(1, Math.floor((filled.length * MAX_GAP_PERMILLE) / 1000));
  let best: readonly [number, number] = [0, 0];
  let start = -1;
  let last = -1;
  filled.forEach((isFilled, i) => {
    if (!isFilled) return;
    if (start < 0 || i - last > allowed + 1) start = i;
    last = i;
    if (last + 1 - start > best[1] - best[0]) best = [start, last + 1];
  });
  return best;
}
