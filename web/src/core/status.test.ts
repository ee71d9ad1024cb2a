import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Hold } from './case_content.ts';
import { pictureStatuses } from './status.ts';
import { spanOf } from './time_left.ts';
import { HOLD_STATES, type HoldStatus } from './wire.ts';
import { counted, fill } from './words.ts';

function hold(file: number, n: number): Hold {
  return { token: n.toString(16).padStart(32, '0'), algorithm: 'pdq', file };
}

describe('the state of a picture', () => {
  it('is the furthest of its fingerprints, with the platforms of that state', () => {
    const holds = [hold(2, 0), hold(1, 1), hold(1, 2), hold(1, 3)];
    const statuses: HoldStatus[] = [
      { state: 'withdrawn', platforms: 0 },
      { state: 'listed', platforms: 0 },
      { state: 'in_review', platforms: 2 },
      { state: 'found', platforms: 5 },
    ];
    expect(pictureStatuses(holds, statuses)).toEqual([
      {
        file: 1,
        isVideo: false,
        state: 'in_review',
        platforms: 2,
        tokens: holds.slice(1).map(({ token }) => token),
        leaving: [],
      },
      { file: 2, isVideo: false, state: 'withdrawn', platforms: 0, tokens: [], leaving: [] },
    ]);
  });

  it('knows a video by what was made of it', () => {
    const holds = [
      hold(1, 0),
      { ...hold(2, 1), algorithm: 'md5' as const },
      { ...hold(2, 2), algorithm: 'vpdq' as const },
    ];
    const statuses = holds.map((): HoldStatus => ({ state: 'listed', platforms: 0 }));
    expect(pictureStatuses(holds, statuses).map(({ isVideo }) => isVideo)).toEqual([false, true]);
  });

  it('says withdrawn only when all is withdrawn, and offers to withdraw exactly the rest', () => {
    const status = fc.record({ state: fc.constantFrom(...HOLD_STATES), platforms: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(status, { minLength: 1, maxLength: 6 }), (statuses) => {
        const holds = statuses.map((_, n) => hold(1, n));
        const picture = pictureStatuses(holds, statuses)[0];
        const count = (...states: string[]) => statuses.filter(({ state }) => states.includes(state)).length;
        const live = statuses.length - count('withdrawn', 'expired', 'withdrawing');
        expect(picture?.state === 'withdrawn').toBe(count('withdrawn') === statuses.length);
        expect(picture?.leaving).toHaveLength(count('withdrawing'));
        expect(picture?.tokens).toHaveLength(live);
      }),
    );
  });
});

describe('the days of a picture', () => {
  it('are the first on which something of it goes or ends', () => {
    const statuses: HoldStatus[] = [
      { state: 'listed', platforms: 0, expires: '2027-07-01' },
      { state: 'withdrawing', platforms: 0, leaves: '2026-12-03' },
      { state: 'withdrawing', platforms: 0, leaves: '2026-12-01' },
      { state: 'found', platforms: 1, expires: '2027-04-01' },
    ];
    const picture = pictureStatuses(
      statuses.map((_, n) => hold(1, n)),
      statuses,
    )[0];
    expect(picture).toMatchObject({ state: 'found', leaves: '2026-12-01', expires: '2027-04-01' });
    expect([picture?.tokens.length, picture?.leaving.length]).toEqual([2, 2]);
  });
});

describe('words', () => {
  it('fills in values and leaves a gap to be seen', () => {
    expect(fill('{n} of {total}', { n: 1 })).toBe('1 of {total}');
    expect(counted({ one: 'one', other: '{n} of them' }, 1)).toBe('one');
    expect(counted({ one: 'one', other: '{n} of them' }, 0)).toBe('0 of them');
  });

  it('never promises more time than there is', () => {
    expect(spanOf(59)).toEqual({ unit: 'minutes', n: 0 });
    expect(spanOf(3599)).toEqual({ unit: 'minutes', n: 59 });
    expect(spanOf(2 * 86_400)).toEqual({ unit: 'hours', n: 48 });
    expect(spanOf(3 * 86_400)).toEqual({ unit: 'days', n: 3 });
    const lengthS = { minutes: 60, hours: 3600, days: 86_400 };
    fc.assert(
      fc.property(fc.nat(10_000_000), (seconds) => {
        const { unit, n } = spanOf(seconds);
        expect(n * lengthS[unit]).toBeLessThanOrEqual(seconds);
        expect((n + 1) * lengthS[unit]).toBeGreaterThan(seconds);
      }),
    );
  });
});
