/** The pictures a person chose. File names are dropped on arrival: nothing here needs them. */
import type { Fingerprint } from '../../core/fingerprint.ts';

/** One chosen picture. `number` counts from 1 and is what the case remembers. */
export interface Picture {
  readonly number: number;
  readonly file: Blob;
}

/** Whether a chosen file says that it is a video. Only for the words on the page: the worker looks at the bytes. */
export function isVideoFile({ file }: Picture): boolean {
  return file.type.startsWith('video/');
}

/** What came of one picture: its fingerprints, or the code of the problem. */
export type Outcome =
  | { readonly picture: Picture; readonly fingerprints: readonly Fingerprint[] }
  | { readonly picture: Picture; readonly problem: string; readonly twinOf?: number };

/** A picture that can be sent. */
export type Ready = Extract<Outcome, { fingerprints: unknown }>;

/** A picture that cannot. */
export type Refused = Extract<Outcome, { problem: string }>;

export function isReady(outcome: Outcome): outcome is Ready {
  return 'fingerprints' in outcome;
}

/** Which of several pictures are the same file as an earlier one: those become refusals. */
export function withoutTwins(outcomes: readonly Outcome[]): Outcome[] {
  const seen = new Map<string, number>();
  return outcomes.map((outcome) => {
    const digest = isReady(outcome) ? outcome.fingerprints.find(({ algorithm }) => algorithm === 'sha256') : undefined;
    if (digest === undefined) return outcome;
    const twinOf = seen.get(digest.value);
    if (twinOf === undefined) {
      seen.set(digest.value, outcome.picture.number);
      return outcome;
    }
    return { picture: outcome.picture, problem: 'media.twice', twinOf };
  });
}
