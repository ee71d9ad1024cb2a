/** Requests and replies of the case protocol. Source: docs/protocol/case-v1.md §5 and §6. */
import { paddedBody } from './padding.ts';
import { Reader } from './parse.ts';

export const HOLD_STATES = [
  'being_added',
  'listed',
  'found',
  'in_review',
  'removed',
  'quarantined',
  'withdrawn',
] as const;

export type HoldState = (typeof HOLD_STATES)[number];

/** The registry's answer about one hold. `platforms` is how many reported what `state` says. */
export interface HoldStatus {
  readonly state: HoldState;
  readonly platforms: number;
}

const REPLY = 'reply.malformed';

/** Body of `POST /v1/cases/open`. */
export function openBody(caseId: string): string {
  return JSON.stringify({ case_id: caseId });
}

/** Padded body of `POST /v1/holds/status` and `POST /v1/holds/withdraw`. */
export function tokensBody(tokens: readonly string[]): string {
  return paddedBody({ tokens });
}

/** Reply of `POST /v1/cases` and `POST /v1/holds/withdraw`: it has to be the state that was asked for. */
export function parseAccepted(untrustedText: string, state: 'being_added' | 'withdrawn'): void {
  const read = new Reader(REPLY);
  read.oneOf(read.record(read.json(untrustedText))['state'], [state]);
}

/** Reply of `POST /v1/cases/open`: base64. */
export function parseSealedCase(untrustedText: string): string {
  const read = new Reader(REPLY);
  return read.text(read.record(read.json(untrustedText))['sealed'], /^[A-Za-z0-9+/]{0,22000}={0,2}$/);
}

/** Reply of `POST /v1/holds/status`: one answer for each of `asked` tokens, in their order. */
export function parseStatuses(untrustedText: string, asked: number): HoldStatus[] {
  const read = new Reader(REPLY);
  const statuses = read.list(read.record(read.json(untrustedText))['holds'], (untrusted) => {
    const status = read.record(untrusted);
    return { state: read.oneOf(status['state'], HOLD_STATES), platforms: read.whole(status['platforms'], 0) };
  });
  return statuses.length === asked ? statuses : read.fail();
}

/** The `code` of a problem+json body, or one of our own when it has none. */
export function problemCode(untrustedText: string): string {
  try {
    const read = new Reader(REPLY);
    return read.text(read.record(read.json(untrustedText))['code'], /^[a-z_.]{1,64}$/);
  } catch {
    return 'reply.refused';
  }
}
