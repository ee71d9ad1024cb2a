/** The words of this page, and the sentences that are put together. */
import { review } from '../../locales/en.json';
import type { Lead, LeadMatch, MatchTimes, StripFrame } from '../../core/review_wire.ts';
import { spanOf } from '../../core/time_left.ts';
import { counted, fill } from '../../core/words.ts';

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

/** Whether anybody can see it now, and whether anybody could before. */
export function placeText({ held, foundLater }: Lead): string {
  if (foundLater) return held ? words.heldLater : words.publishedLater;
  return held ? words.held : words.published;
}

/** A match's nearness in words. */
export function nearnessText({ algorithm, distance, times }: LeadMatch): string {
  switch (algorithm) {
    case 'pdq':
      return words.why.near.find(({ upTo }) => distance <= upTo)?.text ?? '';
    case 'pdq-region':
      return words.why.parts;
    case 'vpdq':
      return times === undefined ? words.why.still : words.why.frames; // a picture has no times
    case 'md5':
    case 'sha256':
      return words.why.exact;
  }
}

/** Where a match comes from, and its measure: differing bits, or parts that agree. */
export function sourceText({ algorithm, distance, votes }: LeadMatch): string {
  const list = words.why.lists[algorithm];
  if (algorithm === 'pdq') return `${list}, ${counted(words.why.bits, distance)}`;
  const agree = algorithm === 'vpdq' ? words.why.moments : words.why.votes;
  return votes === undefined ? list : `${list}, ${counted(agree, votes)}`;
}

/** Seconds as a player shows them: 1:05, or 1:02:05. */
export function clockText(seconds: number): string {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Where in the video, and where in the listed one. */
export function timesText(times: MatchTimes): string {
  return fill(words.why.times, {
    from: clockText(times.uploadStartS),
    to: clockText(times.uploadEndS),
    listedFrom: clockText(times.listedStartS),
    listedTo: clockText(times.listedEndS),
  });
}

/** What a picture of the filmstrip is called. */
export function frameText(frame: StripFrame): string {
  return fill(frame.isMatch ? words.strip.inMatch : words.strip.outside, { time: clockText(frame.timeS) });
}
