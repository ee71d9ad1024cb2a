/** The words of this page, and the sentences that are put together. */
import { review } from '../../locales/en.json';
import type { LeadMatch } from '../../core/review_wire.ts';
import { spanOf } from '../../core/time_left.ts';
import { counted } from '../../core/words.ts';

export const words = review;

/** What to say about a problem, by its code. */
export function problemText(code: string): string {
  const sentences: Readonly<Record<string, string>> = words.problems;
  return sentences[code] ?? words.problems.other;
}

/** How long until the deadline, or since. Both in Unix seconds. */
export function deadlineText(deadlineS: number, nowS: number): string {
  const { unit, n } = spanOf(Math.abs(deadlineS - nowS));
  return counted((deadlineS >= nowS ? words.left : words.overdue)[unit], n);
}

/** A match's nearness in words. */
export function nearnessText({ algorithm, distance }: LeadMatch): string {
  switch (algorithm) {
    case 'pdq':
      return words.why.near.find(({ upTo }) => distance <= upTo)?.text ?? '';
    case 'pdq-region':
      return words.why.parts;
    case 'vpdq':
      return words.why.frames;
    case 'md5':
    case 'sha256':
      return words.why.exact;
  }
}

/** Where a match comes from, and its measure: differing bits, or parts that agree. */
export function sourceText({ algorithm, distance, votes }: LeadMatch): string {
  const list = words.why.lists[algorithm];
  if (algorithm === 'pdq') return `${list}, ${counted(words.why.bits, distance)}`;
  return votes === undefined ? list : `${list}, ${counted(words.why.votes, votes)}`;
}
