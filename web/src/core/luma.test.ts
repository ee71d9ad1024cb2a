/** Turning, shrinking and cutting the luma of a video's pictures. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxOfAll, expanded, smallLuma, turned } from './luma.ts';
import { pdqOf, pdqOfLuma, type GreyPixels } from './pdq.ts';
import { bitsBetween } from './video.ts';

const greys = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }))
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: width * height, maxLength: width * height })
      .map((data): GreyPixels => ({ width, height, data: new Uint8Array(data) })),
  );

/** A drawing with structure in both directions. */
function drawing(width: number, height: number): GreyPixels {
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    data[i] = 100 + 20 * Math.sin(x / 9) * Math.cos(y / 7 + x / 31);
  }
  return { width, height, data };
}

describe('turning', () => {
  it('moves the left column to the top when it turns clockwise', () => {
    const grey = { width: 2, height: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    expect(turned(grey, 1)).toEqual({ width: 3, height: 2, data: Uint8Array.of(5, 3, 1, 6, 4, 2) });
    expect(turned(grey, 3)).toEqual({ width: 3, height: 2, data: Uint8Array.of(2, 4, 6, 1, 3, 5) });
  });

  it('comes back after four quarters, and two of one are one of two', () => {
    fc.assert(
      fc.property(greys, (grey) => {
        expect(turned(turned(turned(turned(grey, 1), 1), 1), 1)).toEqual(grey);
        expect(turned(turned(grey, 1), 1)).toEqual(turned(grey, 2));
        expect(turned(turned(grey, 1), 3)).toEqual(grey);
      }),
    );
  });
});

describe('hashing', () => {
  it('is that of a grey picture where the range is full', () => {
    const pixels = drawing(200, 150);
    expect(pdqOfLuma(pixels, true)).toEqual(pdqOf(expanded({ pixels, fullRange: true })));
  });

  it('changes the quality and no bit but for rounding where it is not', () => {
    const pixels = drawing(200, 150);
    const [full, limited] = [pdqOfLuma(pixels, true), pdqOfLuma(pixels, false)];
    expect(bitsBetween(limited.value, full.value)).toBeLessThanOrEqual(2);
    expect(limited.quality).toBeGreaterThan(full.quality);
  });

  it('says nothing about a picture too small to hash', () => {
    expect(pdqOfLuma({ width: 4, height: 400, data: new Uint8Array(1600) }, true).quality).toBe(0);
  });
});

describe('the small picture', () => {
  it('is the mean of squares, rounded, without the rest', () => {
    const pixels = { width: 1025, height: 3, data: new Uint8Array(1025 * 3).fill(7) };
    pixels.data[0] = 9;
    const { width, height, data } = smallLuma({ pixels, fullRange: true }).pixels;
    expect([width, height, data[0], data[1]]).toEqual([512, 1, 8, 7]);
    expect(smallLuma({ pixels: drawing(512, 100), fullRange: true }).pixels).toEqual(drawing(512, 100));
  });
});

describe('expanding', () => {
  it('puts black at 0 and white at 255', () => {
    const pixels = { width: 4, height: 1, data: Uint8Array.of(0, 16, 126, 240) };
    expect([...expanded({ pixels, fullRange: false }).data]).toEqual(
      [0, 0, 128, 255].flatMap((level) => [level, level, level, 255]),
    );
  });
});

describe('bars', () => {
  const whole = { width: 200, height: 100, data: new Uint8Array() };
  const box = { left: 20, top: 0, right: 180, bottom: 100 };

  it('are what nearly all pictures have', () => {
    expect(
      boxOfAll(
        Array.from({ length: 8 }, () => box),
        whole,
      ),
    ).toEqual(box);
    expect(boxOfAll([...Array.from({ length: 7 }, () => box), undefined], whole)).toEqual(box);
  });

  it('begin where a third of the pictures end, on every side', () => {
    const darker = { ...box, left: 60 };
    expect(boxOfAll([box, darker, darker], whole)).toEqual(box);
    expect(boxOfAll([box, darker, darker, darker], whole)).toBeUndefined();
    expect(boxOfAll([{ ...box, left: 22 }, box, darker, darker], whole)).toEqual(box);
  });

  it('are none where too many have none, or nothing is left, or nearly all', () => {
    expect(boxOfAll([], whole)).toBeUndefined();
    expect(boxOfAll([box, undefined], whole)).toBeUndefined();
    expect(boxOfAll([{ ...box, left: 1, right: 199 }], whole)).toBeUndefined();
    expect(boxOfAll([{ ...box, right: 60 }], whole)).toBeUndefined();
  });
});
