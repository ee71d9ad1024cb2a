import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { RgbaPixels } from './pdq.ts';
import { MAX_REGISTERED, regionsOf } from './regions.ts';

interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly shapes: number;
  readonly noise: number;
  readonly alpha: boolean;
  readonly pixel_sum: number;
  readonly regions: number;
  readonly value: string | null;
}

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/regions-v1.json', import.meta.url), 'utf8')) as {
  drawings: Drawing[];
};

/** The formulas of vectors/make_regions.py. */
function pixelsOf(drawing: Drawing): RgbaPixels {
  const { width, height } = drawing;
  const side = Math.max(width, height);
  const data = new Uint8ClampedArray(4 * width * height);
  type Act = (x: number, y: number, at: number) => void;
  const around = (cx: number, cy: number, reach: number, act: Act): void => {
    for (let y = Math.max(0, cy - reach); y <= Math.min(height - 1, cy + reach); y++) {
      for (let x = Math.max(0, cx - reach); x <= Math.min(width - 1, cx + reach); x++) act(x, y, 4 * (y * width + x));
    }
  };
  const each = (act: Act): void => {
    around(0, 0, side, act);
  };
  each((x, y, at) => {
    for (let channel = 0; channel < 3; channel++) {
      data[at + channel] = 60 + 40 * channel + Math.floor((x * 50) / side) + Math.floor((y * 30) / side);
    }
    data[at + 3] = 255;
  });
  let state = drawing.seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
  for (let shape = 0; shape < drawing.shapes; shape++) {
    const kind = next(3);
    const cx = next(width);
    const cy = next(height);
    const radius = Math.floor(side / 100) + next(Math.floor(side / 8) + 1);
    const colour = [next(256), next(256), next(256)];
    around(cx, cy, radius, (x, y, at) => {
      const across = Math.abs(x - cx);
      const down = Math.abs(y - cy);
      const inside =
        kind === 0 ? across <= radius && down * 2 <= radius : across * across + down * down <= radius * radius;
      if (!inside) return;
      colour.forEach((value, channel) => {
        data[at + channel] = kind === 2 ? Math.floor(((data[at + channel] ?? 0) + 3 * value) / 4) : value;
      });
      if (drawing.alpha && kind === 2) data[at + 3] = 128;
    });
  }
  each((x, y, at) => {
    const mixed = (x * 73856093 + y * 19349663 + drawing.seed * 83492791) % 2 ** 31;
    const shift = Math.floor(mixed / 2 ** 9) % drawing.noise;
    for (let channel = 0; channel < 3; channel++) data[at + channel] = Math.min(255, (data[at + channel] ?? 0) + shift);
  });
  return { width, height, data };
}

describe('the same regions as the Python side, on the same pixels', () => {
  test.each(vectors.drawings)('$width × $height, seed $seed', (drawing) => {
    const pixels = pixelsOf(drawing);
    let sum = 0;
    for (const value of pixels.data) sum += value;
    expect(sum).toBe(drawing.pixel_sum);
    expect(regionsOf(pixels)).toBe(drawing.value);
  });

  test('the vectors are worth the comparison', () => {
    const counts = vectors.drawings.map((drawing) => drawing.regions);
    expect(Math.max(...counts)).toBe(MAX_REGISTERED);
    expect(counts.filter((count) => count >= 20).length).toBeGreaterThan(6);
    expect(counts.filter((count) => count === 0).length).toBeGreaterThan(2);
  });
});

test('what is behind a transparent pixel does not count', () => {
  const drawing = vectors.drawings[0];
  if (drawing === undefined) throw new Error('no vectors');
  const seen = pixelsOf(drawing);
  const hidden = { ...seen, data: seen.data.slice() };
  const white = { ...seen, data: seen.data.slice() };
  for (let at = 0; at < 40_000; at += 4) {
    hidden.data[at + 3] = 0;
    white.data.fill(255, at, at + 4);
  }
  expect(regionsOf(hidden)).toBe(regionsOf(white));
});
