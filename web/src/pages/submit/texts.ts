/** The words of this page, and the few sentences that are put together. */
import { submit } from '../../locales/en.json';
import { fill } from '../../core/words.ts';

export const words = submit;

const KILOBYTE = 1000;
const MEGABYTE = 1_000_000;

/** What to say about a problem, by its code. */
export function problemText(code: string, values: Readonly<Record<string, string | number>> = {}): string {
  const sentences: Readonly<Record<string, string>> = words.problems;
  return fill(sentences[code] ?? words.problems.other, values);
}

/** A file's size as people say it. */
export function sizeText(bytes: number): string {
  if (bytes < MEGABYTE) return fill(words.picture.kilobytes, { n: Math.max(1, Math.round(bytes / KILOBYTE)) });
  return fill(words.picture.megabytes, { n: (bytes / MEGABYTE).toFixed(1) });
}

/** A day as people say it; the number of the month would be read differently in different countries. */
export function dayText(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  return new Intl.DateTimeFormat('en', { dateStyle: 'long', timeZone: 'UTC' }).format(date);
}
