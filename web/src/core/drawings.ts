/** Pictures by formula, as vectors/make_pdq.py draws them: what the tests of golden vectors look at. Only tests need this. */
import type { RgbaPixels } from './pdq.ts';

/** `kind` names the formula, `seed` varies it, `alpha` gives it transparency. */
export interface Drawing {
  readonly kind: string;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly alpha: boolean;
}

type Draw = (y: number, x: number, channel: number, seed: number) => number;

const noise: Draw = (y, x, channel, seed) => {
  let mixed = Math.imul(x, 73856093) ^ Math.imul(y, 19349663) ^ Math.imul(channel + 4 * seed, 83492791);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return ((mixed ^ (mixed >>> 12)) >>> 24) & 255;
};

const waves: Draw = (y, x, channel, seed) => (x * (3 + channel) + y * (1 + seed) + Math.floor((x * y) / 64)) & 255;

const ramp: Draw = (y, x, channel, seed) => Math.floor((x * (channel + 1) + y * (seed + 1)) / 8) & 255;

const flat: Draw = (_y, _x, channel, seed) => (seed + 40 * channel) & 255;

const discs: Draw = (y, x, channel, seed) => {
  let value = Math.floor((x + y) / 4) & 127;
  for (let k = 1; k < 9; k++) {
    const dx = (x % 256) - ((37 * k * (seed + 1)) % 256);
    const dy = (y % 256) - ((61 * k * (seed + 2)) % 256);
    const radius = 12 + ((7 * k) % 40);
    if (dx * dx + dy * dy < radius * radius) value = (value + 29 * k * (channel + 1)) & 255;
  }
  return value;
};

const clouds: Draw = (y, x, channel, seed) => {
  let total = 0;
  for (let octave = 0; octave < 4; octave++) {
    const cell = 64 >> octave;
    const left = Math.floor(x / cell);
    const top = Math.floor(y / cell);
    const [dx, dy] = [x % cell, y % cell];
    const at = (row: number, column: number): number => noise(row, column, channel, seed + octave);
    const upper = at(top, left) * (cell - dx) + at(top, left + 1) * dx;
    const lower = at(top + 1, left) * (cell - dx) + at(top + 1, left + 1) * dx;
    total += Math.floor((upper * (cell - dy) + lower * dy) / (cell * cell)) >> octave;
  }
  return Math.floor((total * 8) / 15);
};

const KINDS = new Map<string, Draw>(Object.entries({ noise, waves, ramp, flat, discs, clouds }));

/** The picture of a drawing. */
export function drawn({ kind, width, height, seed, alpha }: Drawing): RgbaPixels & { data: Uint8ClampedArray } {
  const draw = KINDS.get(kind);
  if (draw === undefined) throw new Error(`no formula for ${kind}`);
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) data[at++] = draw(y, x, channel, seed);
      data[at++] = alpha ? waves(y, x, 3, seed) : 255;
    }
  }
  return { width, height, data };
}
