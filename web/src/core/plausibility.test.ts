import { expect, it } from 'vitest';
import { isPlausiblePdq } from './plausibility.ts';

const half = (ones: number) => (1n << BigInt(ones)) - 1n;
const text = (value: bigint) => value.toString(16).padStart(64, '0');

it.each([
  [95, false],
  [96, true],
  [128, true],
  [129, false],
])('a value with %i ones is plausible: %s', (ones, expected) => {
  expect(isPlausiblePdq(text(half(ones)))).toBe(expected);
});

it.each(['0'.repeat(64), 'f'.repeat(64), 'aa'.repeat(32), '0ff0'.repeat(16), '00ff33cc'.repeat(8)])(
  'a value that repeats itself is not: %s',
  (value) => {
    expect(isPlausiblePdq(value)).toBe(false);
  },
);

it('one that repeats itself later is', () => {
  expect(isPlausiblePdq('00ff00ff33cc33cc'.repeat(4))).toBe(true);
});
