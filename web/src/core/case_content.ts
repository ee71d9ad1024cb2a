/** What is inside a sealed case. Source: docs/protocol/case-v1.md §4.1. */
import { ALGORITHMS, type Algorithm } from './fingerprint.ts';
import { Reader } from './parse.ts';

/** One fingerprint in a case. `token` is 32 hexadecimal digits: whoever has it may ask about the hold and withdraw it. */
export interface Hold {
  readonly token: string;
  readonly algorithm: Algorithm;
  readonly file: number;
}

/** `day` is `YYYY-MM-DD`: the finest time a case keeps. */
export interface CaseContent {
  readonly day: string;
  readonly holds: readonly Hold[];
}

/** The JSON of §4.1, with its members in the order the page gives. */
export function contentText(content: CaseContent): string {
  return JSON.stringify({
    v: 1,
    day: content.day,
    holds: content.holds.map(({ token, algorithm, file }) => ({ token, algorithm, file })),
  });
}

/**
 * Read a case's JSON.
 *
 * @throws Problem `case.content`: it opened, but what is inside is not a case of this version.
 */
export function parseContent(untrustedText: string): CaseContent {
  const read = new Reader('case.content');
  const content = read.record(read.json(untrustedText));
  if (content['v'] !== 1) read.fail();
  return {
    day: read.text(content['day'], /^\d{4}-\d{2}-\d{2}$/),
    holds: read.list(content['holds'], (untrusted) => {
      const hold = read.record(untrusted);
      return {
        token: read.text(hold['token'], /^[0-9a-f]{32}$/),
        algorithm: read.oneOf(hold['algorithm'], ALGORITHMS),
        file: read.whole(hold['file'], 1),
      };
    }),
  };
}
