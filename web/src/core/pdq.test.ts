import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { drawn, type Drawing } from './drawings.ts';
import { pdqFormsOf, pdqOf } from './pdq.ts';

interface Vector extends Drawing {
  readonly pixel_sum: number;
  readonly value: string;
  readonly quality: number;
  readonly forms?: readonly string[];
}

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/pdq-v1.json', import.meta.url), 'utf8')) as {
  drawings: Vector[];
};

describe('PDQ equals the reference on every golden drawing', () => {
  test.each(vectors.drawings.map((drawing) => [name(drawing), drawing] as const))('%s', (_, drawing) => {
    const pixels = drawn(drawing);
    expect(pixels.data.reduce((sum, byte) => sum + byte, 0)).toBe(drawing.pixel_sum);
    expect(pdqOf(pixels)).toEqual({ value: drawing.value, quality: drawing.quality });
    const forms = pdqFormsOf(pixels);
    expect(forms.map((form) => form.quality)).toEqual(new Array(8).fill(drawing.quality));
    if (drawing.forms === undefined) expect(forms[0]?.value).toBe(drawing.value);
    else expect(forms.map((form) => form.value)).toEqual(drawing.forms);
  });
});

function name({ kind, width, height, alpha }: Drawing): string {
  return `${kind} ${String(width)}×${String(height)}${alpha ? ' with transparency' : ''}`;
}

test('the vectors hold plain pictures and rich ones', () => {
  const qualities = vectors.drawings.map((drawing) => drawing.quality);
  expect(qualities.filter((quality) => quality === 0).length).toBeGreaterThan(3);
  expect(qualities.filter((quality) => quality >= 50).length).toBeGreaterThan(30);
});

test('what is fully transparent counts as white', () => {
  const clear = drawn({ ...drawing('noise'), alpha: false });
  const hidden = { ...clear, data: clear.data.map((byte, at) => (at % 4 === 3 ? 0 : byte)) };
  const white = { ...clear, data: clear.data.map(() => 255) };
  expect(pdqOf(hidden)).toEqual(pdqOf(white));
  expect(pdqOf(clear)).not.toEqual(pdqOf(white));
});

function drawing(kind: string): Drawing {
  return { kind, width: 90, height: 70, seed: 1, alpha: false };
}
