import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { drawn, type Drawing } from './drawings.ts';
import type { RgbaPixels } from './pdq.ts';
import { appCrops, boxesToRegister, contentBoxes, cut, shrunk, viewsToRegister, type Box } from './variants.ts';

interface Frame {
  readonly grey: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly ring: number;
}

interface Picture {
  readonly drawing: Drawing;
  readonly frames: readonly Frame[];
  readonly pixel_sum: number;
  readonly small: readonly [number, number];
  readonly small_sum: number;
  readonly content_boxes: readonly number[][];
  readonly app_crops: readonly number[][];
}

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/variants-v1.json', import.meta.url), 'utf8')) as {
  pictures: Picture[];
};

/* The formulas of vectors/make_variants.py. */

function framed(frame: Frame, inside: RgbaPixels): RgbaPixels {
  const width = frame.left + inside.width + frame.right;
  const height = frame.top + inside.height + frame.bottom;
  const data = new Uint8Array(4 * width * height).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = (x + y) % 8 === 0 ? Math.max(0, frame.grey - frame.ring) : frame.grey;
      data.fill(value, 4 * (y * width + x), 4 * (y * width + x) + 3);
    }
  }
  for (let y = 0; y < inside.height; y++) {
    const row = inside.data.subarray(4 * y * inside.width, 4 * (y + 1) * inside.width);
    data.set(row, 4 * ((frame.top + y) * width + frame.left));
  }
  return { width, height, data };
}

function pixelsOf({ drawing, frames }: Picture): RgbaPixels {
  return frames.reduce<RgbaPixels>((inside, frame) => framed(frame, inside), drawn(drawing));
}

/** Below 2^53: a term is under 2^21, and there are fewer than 2^25 of them. */
function sumOf({ data }: RgbaPixels): number {
  let sum = 0;
  let place = 0;
  data.forEach((value, at) => {
    if (at % 4 !== 3) sum += value * ((place++ % 8191) + 1);
  });
  return sum % (2 ** 31 - 1);
}

const corners = ({ left, top, right, bottom }: Box) => [left, top, right, bottom];

describe('the same views as the Python side, on the same pixels', () => {
  test.each(vectors.pictures.map((picture, i) => [i, picture] as const))('picture %i', (_, picture) => {
    const pixels = pixelsOf(picture);
    expect(sumOf(pixels)).toBe(picture.pixel_sum);
    const small = shrunk(pixels);
    expect([small.width, small.height]).toEqual(picture.small);
    expect(sumOf(small)).toBe(picture.small_sum);
    expect(contentBoxes(small).map(corners)).toEqual(picture.content_boxes);
    expect(appCrops(small).map(corners)).toEqual(picture.app_crops);
  });

  test('the vectors are worth the comparison', () => {
    const counts = vectors.pictures.map((picture) => picture.content_boxes.length);
    expect(new Set(counts)).toEqual(new Set([0, 1, 2, 3]));
    expect(vectors.pictures.filter(({ small, drawing }) => small[0] < drawing.width).length).toBeGreaterThan(2);
  });
});

test('a view is the part of the shrunk picture that its box says', () => {
  const small = drawn({ kind: 'noise', width: 200, height: 120, seed: 5, alpha: false });
  const boxes = boxesToRegister(small);
  expect(boxes.length).toBeGreaterThan(5);
  expect(viewsToRegister(small)).toEqual(boxes.map((box) => cut(shrunk(small), box)));
  const view = cut(small, { left: 20, top: 10, right: 90, bottom: 70 });
  expect([view.width, view.height]).toEqual([70, 60]);
  expect([...view.data.subarray(4 * 70 * 5, 4 * 70 * 5 + 8)]).toEqual([
    ...small.data.subarray(4 * (15 * 200 + 20), 4 * (15 * 200 + 20) + 8),
  ]);
});
