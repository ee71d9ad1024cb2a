import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameNumbers } from './frames.ts';

describe('the frames of an animation that are hashed beside its first', () => {
  it('lie a quarter, a half and three quarters of the way through', () => {
    expect([1, 2, 3, 4, 9, 300].map(frameNumbers)).toEqual([[], [1], [1, 2], [1, 2, 3], [2, 4, 6], [75, 150, 225]]);
  });

  it('are at most three, each once, and there', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), (frames) => {
        const numbers = frameNumbers(frames);
        expect(numbers.length).toBe(Math.min(3, Math.max(0, frames - 1)));
        expect(numbers.every((number, i) => number > (numbers[i - 1] ?? 0) && number < frames)).toBe(true);
      }),
    );
  });
});
