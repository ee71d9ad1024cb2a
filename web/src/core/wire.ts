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
  'declined',
  'withdrawing',
  'withdrawn',
  'expired',
] as const;

export type HoldState = (typeof HOLD_STATES)[number];

/** The registry's answer about one hold. `platforms` is how many reported what `state` says; days are `YYYY-MM-DD`. */
export interface HoldStatus {
  readonly state: HoldState;
  readonly platforms: number;
  /** From this day on it is withdrawn; only while it is `withdrawing`. */
  readonly leaves?: string;
  /** From this day on nobody looks for it, unless it is renewed. */
  readonly expires?: string;
}

/** What can be asked for holds, and what the registry answers (§6.4, §6.6, §6.7). */
export const WISHES = {
  withdraw: ['withdrawn', 'withdrawing'],
  keep: ['kept'],
  renew: ['renewed'],
} as const;

export type Wish = keyof typeof WISHES;

/** Whom a case is about (§5.5). */
export const ABOUTS = ['self_under_18', 'self_before_18', 'trusted_adult', 'adult'] as const;

export type About = (typeof ABOUTS)[number];

/** What the operator has set that a person should know (§5.7). */
export interface Terms {
  readonly adultCases: boolean;
  readonly withdrawalDelayDays: number;
}

const REPLY = 'reply.malformed';

/** Body of `POST /v1/cases/open`: the first sheet's id, and those that further sheets would have. */
export function openBody(caseIds: readonly string[]): string {
  return JSON.stringify({ case_id: caseIds[0], more: caseIds.slice(1) });
}

/** Padded body of `POST /v1/holds/` `status`, `withdraw`, `keep` and `renew`. */
export function tokensBody(tokens: readonly string[]): string {
  return paddedBody({ tokens });
}

/** Reply of `POST /v1/cases` and of a wish: it has to be a state that was asked for. */
export function parseAccepted(untrustedText: string, states: readonly string[]): void {
  const read = new Reader(REPLY);
  read.oneOf(read.record(read.json(untrustedText))['state'], states);
}

/** Reply of `POST /v1/cases/open`: each sheet there is, base64, the first first. */
export function parseSealedCase(untrustedText: string): string[] {
  const read = new Reader(REPLY);
  const reply = read.record(read.json(untrustedText));
  const sheet = (untrusted: unknown) => read.text(untrusted, /^[A-Za-z0-9+/]{0,22000}={0,2}$/);
  return [sheet(reply['sealed']), ...(reply['more'] === undefined ? [] : read.list(reply['more'], sheet))];
}

/** Reply of `GET /v1/terms`. */
export function parseTerms(untrustedText: string): Terms {
  const read = new Reader(REPLY);
  const reply = read.record(read.json(untrustedText));
  return {
    adultCases: reply['adult_cases'] === true,
    withdrawalDelayDays: read.whole(reply['withdrawal_delay_days'], 0),
  };
}

/** Reply of `POST /v1/holds/status`: one answer for each of `asked` tokens, in their order. */
export function parseStatuses(untrustedText: string, asked: number): HoldStatus[] {
  const read = new Reader(REPLY);
  const statuses = read.list(read.record(read.json(untrustedText))['holds'], (untrusted) => {
    const status = read.record(untrusted);
    const day = (name: 'leaves' | 'expires') =>
      typeof status[name] === 'string' ? { [name]: read.text(status[name], /^\d{4}-\d{2}-\d{2}$/) } : {};
    return {
      state: read.oneOf(status['state'], HOLD_STATES),
      platforms: read.whole(status['platforms'], 0),
      ...day('leaves'),
      ...day('expires'),
    };
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
