/** The geometry of a chart of sizes by day: a line that stays level until a day changes it. No DOM: paths are text. */
import type { Size } from './console_wire.ts';

export const CHART_WIDTH = 320;
export const CHART_HEIGHT = 96;

/** A chart, in a box of `CHART_WIDTH` by `CHART_HEIGHT`; the top edge stands for `top`, the bottom for 0. */
export interface Chart {
  readonly line: string;
  readonly area: string;
  readonly top: number;
}

/**
 * Draw sizes.
 *
 * @param sizes live entries at the end of days on which they changed, oldest first; the first may lie before the window.
 * @param today the right edge, in days.
 * @param days the window's width.
 */
export function chartOf(sizes: readonly Size[], today: number, days: number): Chart {
  const from = today - days;
  const top = niceTop(Math.max(0, ...sizes.map(({ count }) => count)));
  const x = (day: number) => round(((Math.max(day, from) - from) / days) * CHART_WIDTH);
  const y = (count: number) => round(CHART_HEIGHT - (count / top) * CHART_HEIGHT);
  const steps = sizes.map(({ day, count }, i) => (i === 0 ? `M${x(day)} ${y(count)}` : `H${x(day)}V${y(count)}`));
  const first = sizes[0];
  if (first === undefined) return { line: `M0 ${CHART_HEIGHT}H${CHART_WIDTH}`, area: '', top };
  // A list that began inside the window rises from nothing.
  const start = first.day > from ? `M${x(first.day)} ${CHART_HEIGHT}V${y(first.count)}` : steps[0];
  const line = `${start ?? ''}${steps.slice(1).join('')}H${CHART_WIDTH}`;
  return { line, area: `${line}V${CHART_HEIGHT}H${x(first.day)}Z`, top };
}

/** The smallest of 10, 20, 50, 100, … that is at least `count`. */
export function niceTop(count: number): number {
  for (let unit = 10; ; unit *= 10) {
    for (const factor of [1, 2, 5]) if (factor * unit >= count) return factor * unit;
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

const MS_A_DAY = 86_400_000;

/** A day since 1970-01-01 as `2026-11-23`. */
export function dayText(day: number): string {
  return new Date(day * MS_A_DAY).toISOString().slice(0, 10);
}
