/** The words of this page, and the sentences that are put together. */
import { sample } from '../../locales/en.json';
import { spanOf } from '../../core/time_left.ts';
import { counted } from '../../core/words.ts';

export const words = sample;

/** What to say about a problem, by its code. */
export function problemText(code: string): string {
  const sentences: Readonly<Record<string, string>> = words.problems;
  if (code.startsWith('media.')) return words.problems.media;
  return sentences[code] ?? words.problems.other;
}

/** How long ago something was posted. Both in Unix seconds. */
export function agoText(postedS: number, nowS: number): string {
  const { unit, n } = spanOf(nowS - postedS);
  return unit === 'minutes' && n === 0 ? words.now : counted(words.ago[unit], n);
}
