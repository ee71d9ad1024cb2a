/** Durations in the coarse units that people use, for sentences from the locale file. */

export type Unit = 'minutes' | 'hours' | 'days';

/** An amount of time. `n` is at least 1, except that less than a minute is 0 minutes. */
export interface Span {
  readonly unit: Unit;
  readonly n: number;
}

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** A span in its largest fitting unit, rounded down: a promise about time left is never too long. Two days count as hours. */
export function spanOf(seconds: number): Span {
  const length = Math.max(0, seconds);
  if (length >= 3 * DAY_S) return { unit: 'days', n: Math.floor(length / DAY_S) };
  if (length >= HOUR_S) return { unit: 'hours', n: Math.floor(length / HOUR_S) };
  return { unit: 'minutes', n: Math.floor(length / MINUTE_S) };
}
