/** The choice of frames, by docs/video.md. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  barsEvery,
  bitsBetween,
  durationClassOf,
  framesToRegister,
  KeyPictures,
  mainTicks,
  MAX_FRAMES,
  stablePicture,
  ticksASecond,
  ticksBetween,
  videoValue,
  type Seen,
} from './video.ts';

/** A hash whose first `ones` bits are set. */
function hashOf(ones: number): string {
  return ('1'.repeat(ones) + '0'.repeat(256 - ones)).replace(/.{4}/g, (four) => Number.parseInt(four, 2).toString(16));
}

const seen = (tick: number, ones: number, quality = 90): Seen => ({ tick, hash: { value: hashOf(ones), quality } });

describe('distance', () => {
  it('counts bits', () => {
    fc.assert(
      fc.property(fc.nat(256), fc.nat(256), (one, other) => {
        expect(bitsBetween(hashOf(one), hashOf(other))).toBe(Math.abs(one - other));
      }),
    );
  });
});

describe('main pictures', () => {
  it('are one a second, beginning with the first', () => {
    expect(mainTicks(5.1)).toEqual([0, 4, 8, 12, 16, 20]);
    expect(mainTicks(5)).toEqual([0, 4, 8, 12, 16]);
  });

  it('are eight a second of a short video', () => {
    expect(mainTicks(4)).toHaveLength(32);
    expect(mainTicks(4.01)).toHaveLength(5);
    expect(mainTicks(0.6)).toEqual([0, 1, 2, 3, 4]);
    expect(mainTicks(0.04)).toEqual([0]);
    expect(mainTicks(0)).toEqual([0]);
  });

  it('are never more than 384, and never past the end', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 100_000, noNaN: true }), (durationS) => {
        const ticks = mainTicks(durationS);
        expect(ticks.length).toBeLessThanOrEqual(384);
        expect((ticks.at(-1) ?? 0) / ticksASecond(durationS)).toBeLessThanOrEqual(durationS);
        expect(barsEvery(ticks.length) * 16).toBeGreaterThanOrEqual(ticks.length);
      }),
    );
    expect(mainTicks(385)[1]).toBe(5);
  });
});

describe('scenes', () => {
  it('are looked for only between pictures that differ', () => {
    expect(ticksBetween([seen(0, 0), seen(4, 60), seen(8, 121), seen(12, 121)], 9)).toEqual([[], [5, 6, 7], [], []]);
    expect(ticksBetween([seen(0, 0), seen(1, 200), seen(8, 0)], 3)).toEqual([[], [], []]);
    expect(ticksBetween([seen(0, 0), seen(5, 100)], 900)).toEqual([[1, 2, 3], []]);
  });

  it('begin with the first picture that stays', () => {
    const [before, after] = [seen(0, 0), seen(4, 100)];
    expect(stablePicture(before, [seen(1, 10), seen(2, 80), seen(3, 100)], after)).toEqual(seen(2, 80));
    expect(stablePicture(before, [seen(1, 0), seen(2, 0), seen(3, 100)], after)).toEqual(seen(3, 100));
    expect(stablePicture(before, [seen(1, 100, 49), seen(2, 100), seen(3, 100)], after)).toEqual(seen(2, 100));
    expect(stablePicture(before, [seen(1, 200), seen(2, 20), seen(3, 200)], after)).toBeUndefined();
  });
});

describe('the frames of a value', () => {
  it('are in order, without repetitions and without what says nothing', () => {
    const main = [seen(0, 0), seen(4, 10), seen(8, 11, 49), seen(12, 50), seen(16, 0)];
    expect(framesToRegister(main, [seen(10, 30)], 9).map(({ tick }) => tick)).toEqual([0, 10, 12, 16]);
  });

  it('are weak ones only where there are hardly any better ones', () => {
    const strong = [seen(0, 0), seen(8, 30), seen(16, 60), seen(24, 90)];
    const weak = [seen(4, 200, 20), seen(12, 212, 20), seen(20, 128, 19)];
    const ticksOf = (main: readonly Seen[], durationS: number) =>
      framesToRegister(main, [], durationS).map(({ tick }) => tick);
    expect(ticksOf([...strong, ...weak], 9)).toEqual([0, 8, 16, 24]);
    expect(ticksOf([...strong.slice(0, 3), ...weak], 9)).toEqual([0, 4, 8, 12, 16]);
    expect(ticksOf([...strong.slice(0, 2), ...weak.slice(1)], 9)).toEqual([0, 8, 12, 20]);
    expect(ticksOf([...strong, ...weak], 4)).toEqual([0, 4, 8, 12, 16, 20, 24]);
  });

  it('are never black ones, or flat ones with bits of a pattern', () => {
    expect(framesToRegister([seen(0, 128, 7), seen(4, 127, 19), seen(8, 128, 8)], [], 3)).toEqual([seen(8, 128, 8)]);
  });

  it('are at most 512', () => {
    const main = Array.from({ length: 384 }, (_, i) => seen(4 * i, (i % 2) * 200));
    const scenes = Array.from({ length: 383 }, (_, i) => seen(4 * i + 2, 100));
    const frames = framesToRegister(main, scenes, 384);
    expect(frames.length).toBe(MAX_FRAMES);
    expect(frames.filter(({ tick }) => tick % 4 === 2)).toHaveLength(128);
  });

  it('make the text of feed-v1 §1.1', () => {
    expect(videoValue(2.5, [seen(0, 256, 50), seen(258, 0, 100)])).toBe(
      `020002${'f'.repeat(64)}000032${'0'.repeat(64)}010264`,
    );
    expect(videoValue(2.5, [])).toBeUndefined();
    const classes = [0, 1, 1.01, 2, 2.5, 60, 64, 64.5, 1e9].map(durationClassOf);
    expect(classes).toEqual([0, 0, 1, 1, 2, 6, 6, 7, 14]);
  });
});

describe('key pictures', () => {
  it('are the calmest of each quarter, the first of equals', () => {
    const keys = new KeyPictures<number>(8);
    // Distances to the next: 50, 20 | 30, 30 | 49 of low quality, 5 | 5, none.
    const ones = [0, 50, 70, 100, 130, 179, 184, 189];
    ones.forEach((count, i) => {
      keys.pass(seen(4 * i, count, i === 4 ? 49 : 90), i);
    });
    expect(keys.found()).toEqual([1, 2, 5, 6]);
  });

  it('are stills only of a video that is nothing else', () => {
    const [film, still] = [new KeyPictures<number>(8), new KeyPictures<number>(8)];
    // Distances to the next: 2, 100, 30, and 30 to the one before. The second is still the still of the first.
    [0, 2, 102, 132].forEach((count, i) => {
      film.pass(seen(8 * i, count), i);
      still.pass(seen(8 * i, 7), i);
    });
    expect(film.found()).toEqual([2, 3]);
    expect(still.found()).toEqual([0, 1, 2, 3]);
  });

  it('are half a second apart in a short video', () => {
    const keys = new KeyPictures<number>(1);
    [0, 20, 40, 60, 80, 100, 120, 140].forEach((count, i) => {
      keys.pass(seen(i, count), i);
    });
    expect(keys.found()).toEqual([0, 4]);
  });

  it('are weak ones only of a video that has no others, and never black ones', () => {
    const [dark, film, black] = [0, 1, 2].map(() => new KeyPictures<number>(8));
    [0, 40, 90].forEach((count, i) => {
      dark?.pass(seen(8 * i, count, 20 + i), i);
      film?.pass(seen(8 * i, count, 49 + Math.floor(i / 2)), i);
      black?.pass(seen(8 * i, count, 19), i);
    });
    expect([dark, film, black].map((keys) => keys?.found())).toEqual([[0, 1, 2], [2], []]);
  });
});
