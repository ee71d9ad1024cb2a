/** What the registry answers to an operator's page. No fingerprint stands in any of it. Source: docs/protocol/console-v1.md. */
import { ALGORITHMS, type Algorithm } from './fingerprint.ts';
import { Reader } from './parse.ts';

export const ROLES = ['operator', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

export const HEALTH_STATES = ['good', 'warning', 'bad'] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

export interface Operator {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly isActive: boolean;
  readonly means: readonly ('passkey' | 'password')[];
}

/** Who is signed in; `hasPasskeys`: whether this address can have passkeys. Times in Unix seconds and seconds. */
export interface Session {
  readonly operator: Operator;
  readonly untilS: number;
  readonly idleS: number;
  readonly hasPasskeys: boolean;
}

/** What an authenticator signs; base64 for URLs. */
export interface PasskeyChallenge {
  readonly rpId: string;
  readonly challenge: string;
}

/** What an authenticator makes a passkey from. */
export interface PasskeyRequest extends PasskeyChallenge {
  readonly userId: string;
  readonly userName: string;
}

/** What somebody with a link can choose from. `qr`: rows of `1` (dark) and `0`; none if the registry makes no square codes. */
export interface Enrolment {
  readonly name: string;
  readonly role: Role;
  readonly secret: string;
  readonly uri: string;
  readonly qr: readonly string[];
  readonly passkey: PasskeyRequest | undefined;
}

/** An operator and the code of their link. */
export interface IssuedCode {
  readonly operator: Operator;
  readonly code: string;
  readonly expiresS: number;
}

/** How many entries a list had at the end of a day; days since 1970-01-01. */
export interface Size {
  readonly day: number;
  readonly count: number;
}

export interface ListHistory {
  readonly list: Algorithm;
  readonly seq: number;
  readonly count: number;
  readonly sizes: readonly Size[];
}

/** Something that was counted; without `count` it is fewer than ten. */
export interface Figure {
  readonly group: string;
  readonly name: string;
  readonly count: number | undefined;
}

export interface Overview {
  readonly today: number;
  readonly historyDays: number;
  readonly health: readonly { readonly part: string; readonly state: HealthState }[];
  readonly lists: readonly ListHistory[];
  readonly statistics: readonly Figure[];
}

export interface AuditLine {
  readonly seq: number;
  readonly day: number;
  readonly actor: string;
  readonly what: string;
  readonly list: Algorithm | undefined;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly subject: string | undefined;
}

export const CAUSES = ['guard', 'not-blocked', 'flood', 'operator'] as const;
export type Cause = (typeof CAUSES)[number];

export const WORDS = ['Blocked', 'NotBlocked', 'PendingReview', 'QualityUnknown'] as const;
export type Word = (typeof WORDS)[number];

/** An entry that waits for a decision, without its value. `words`: how many partners last said what about it. */
export interface AsideEntry {
  readonly id: string;
  readonly list: Algorithm;
  readonly cause: Cause;
  readonly day: number;
  readonly worstDay: number;
  readonly words: readonly { readonly value: Word; readonly partners: number }[];
}

/** A line of the guard list, without its value. */
export interface GuardLine {
  readonly id: string;
  readonly list: Algorithm;
  readonly note: string;
  readonly day: number;
}

/** How far what is listed has been compared with new lines, or how that ended. */
export interface Recheck {
  readonly isRunning: boolean;
  readonly checked: number;
  readonly total: number;
  readonly heldBack: number;
  readonly day: number;
}

export interface GuardList {
  readonly recheck: Recheck | undefined;
  readonly lines: readonly GuardLine[];
  readonly waiting: readonly AsideEntry[];
}

/** A fingerprint on its way to the guard list. */
export interface GuardedFingerprint {
  readonly algorithm: Algorithm;
  readonly value: string;
  readonly quality?: number;
}

/** What a check of the whole log found; `broken` says what is wrong. */
export interface ChainCheck {
  readonly lines: number;
  readonly broken: string | undefined;
}

/** A partner's or an operator's id. */
export const ID = /^[0-9a-f]{16}$/;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

/** A parser of a whole answer. */
export function reading<T>(parse: (read: Reader, record: Record<string, unknown>) => T): (untrustedText: string) => T {
  return (untrustedText) => {
    const read = new Reader('reply.malformed');
    return parse(read, read.record(read.json(untrustedText)));
  };
}

function operator(read: Reader, untrusted: unknown): Operator {
  const record = read.record(untrusted);
  return {
    id: read.text(record['operator'], ID),
    name: read.text(record['name']),
    role: read.oneOf(record['role'], ROLES),
    isActive: read.truth(record['active']),
    means: read.list(record['means'], (means) => read.oneOf(means, ['passkey', 'password'])),
  };
}

function challenge(read: Reader, record: Record<string, unknown>): PasskeyChallenge {
  return { rpId: read.text(record['rp_id']), challenge: read.text(record['challenge'], BASE64URL) };
}

function passkeyRequest(read: Reader, untrusted: unknown): PasskeyRequest {
  const record = read.record(untrusted);
  return {
    ...challenge(read, record),
    userId: read.text(record['user_id'], BASE64URL),
    userName: read.text(record['user_name']),
  };
}

/** A field that may be absent or `null`. */
export function optional<T>(untrusted: unknown, parse: (untrusted: unknown) => T): T | undefined {
  return untrusted === null || untrusted === undefined ? undefined : parse(untrusted);
}

export const parseSession = reading((read, record): Session => ({
  operator: operator(read, record['operator']),
  untilS: read.whole(record['until'], 0),
  idleS: read.whole(record['idle'], 1),
  hasPasskeys: read.truth(record['passkeys']),
}));

export const parseChallenge = reading(challenge);
export const parsePasskeyRequest = reading(passkeyRequest);

export const parseEnrolment = reading((read, record): Enrolment => ({
  name: read.text(record['name']),
  role: read.oneOf(record['role'], ROLES),
  secret: read.text(record['secret'], /^[A-Z2-7]+$/),
  uri: read.text(record['uri'], /^otpauth:\/\//),
  qr: read.list(record['qr'], (row) => read.text(row, /^[01]{1,177}$/)),
  passkey: optional(record['passkey'], (request) => passkeyRequest(read, request)),
}));

export const parseIssuedCode = reading((read, record): IssuedCode => ({
  operator: operator(read, record['operator']),
  code: read.text(record['code'], /^[a-z0-9-]{1,64}$/),
  expiresS: read.whole(record['expires'], 0),
}));

export const parseOperator = reading(operator);
export const parseOperators = reading((read, record) => read.list(record['operators'], (item) => operator(read, item)));

export const parseOverview = reading((read, record): Overview => ({
  today: read.whole(record['today'], 0),
  historyDays: read.whole(record['history_days'], 1),
  health: read.list(record['health'], (item) => {
    const part = read.record(item);
    return { part: read.text(part['part']), state: read.oneOf(part['state'], HEALTH_STATES) };
  }),
  lists: read.list(record['lists'], (item) => listHistory(read, item)),
  statistics: read.list(record['statistics'], (item) => {
    const figure = read.record(item);
    return {
      group: read.text(figure['group']),
      name: read.text(figure['name']),
      count: optional(figure['count'], (count) => read.whole(count, 0)),
    };
  }),
}));

function listHistory(read: Reader, untrusted: unknown): ListHistory {
  const record = read.record(untrusted);
  return {
    list: read.oneOf(record['list'], ALGORITHMS),
    seq: read.whole(record['seq'], 0),
    count: read.whole(record['count'], 0),
    sizes: read.list(record['sizes'], (item) => {
      const size = read.record(item);
      return { day: read.whole(size['day'], 0), count: read.whole(size['count'], 0) };
    }),
  };
}

export const parseAuditPage = reading((read, record) => read.list(record['lines'], (item) => auditLine(read, item)));

function auditLine(read: Reader, untrusted: unknown): AuditLine {
  const record = read.record(untrusted);
  return {
    seq: read.whole(record['seq'], 1),
    day: read.whole(record['day'], 0),
    actor: read.text(record['actor']),
    what: read.text(record['what']),
    list: optional(record['list'], (name) => read.oneOf(name, ALGORITHMS)),
    firstSeq: read.whole(record['first_seq'], 0),
    lastSeq: read.whole(record['last_seq'], 0),
    subject: optional(record['subject'], (subject) => read.text(subject)),
  };
}

export const parseChainCheck = reading((read, record): ChainCheck => ({
  lines: read.whole(record['lines'], 0),
  broken: optional(record['broken'], (broken) => read.text(broken)),
}));

/** An entry's, a line's or an offer's id. */
export const LONG_ID = /^[0-9a-f]{32}$/;

function asideEntry(read: Reader, untrusted: unknown): AsideEntry {
  const record = read.record(untrusted);
  return {
    id: read.text(record['entry'], LONG_ID),
    list: read.oneOf(record['list'], ALGORITHMS),
    cause: read.oneOf(record['cause'], CAUSES),
    day: read.whole(record['day'], 0),
    worstDay: read.whole(record['worst_day'], 0),
    words: read.list(record['words'], (item) => {
      const said = read.record(item);
      return { value: read.oneOf(said['value'], WORDS), partners: read.whole(said['partners'], 0) };
    }),
  };
}

export const parseQuarantine = reading((read, record) =>
  read.list(record['waiting'], (item) => asideEntry(read, item)),
);

function recheck(read: Reader, untrusted: unknown): Recheck {
  const record = read.record(untrusted);
  return {
    isRunning: read.truth(record['running']),
    checked: read.whole(record['checked'], 0),
    total: read.whole(record['total'], 0),
    heldBack: read.whole(record['held_back'], 0),
    day: read.whole(record['day'], 0),
  };
}

export const parseGuardList = reading((read, record): GuardList => ({
  recheck: optional(record['recheck'], (found) => recheck(read, found)),
  lines: read.list(record['lines'], (item) => {
    const line = read.record(item);
    return {
      id: read.text(line['guard'], LONG_ID),
      list: read.oneOf(line['list'], ALGORITHMS),
      note: read.text(line['note']),
      day: read.whole(line['day'], 0),
    };
  }),
  waiting: read.list(record['waiting'], (item) => asideEntry(read, item)),
}));

export const parseAdded = reading((read, record) => read.whole(record['added'], 0));

/**
 * Read lines as `takeback hash --json` writes them; lines about files that could not be used are left out.
 *
 * @throws Problem `guard.file` if a line is something else, or there is no fingerprint at all.
 */
export function parseHashLines(untrustedText: string): GuardedFingerprint[] {
  const read = new Reader('guard.file');
  const found = untrustedText
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => {
      const record = read.record(read.json(line));
      if (record['error'] !== undefined) return [];
      return read.list(record['fingerprints'], (item) => guardedFingerprint(read, item));
    });
  return found.length === 0 ? read.fail() : found;
}

const MOST_IN_A_REQUEST = 100;
/** The registry reads 64 KB at most; the rest is for what stands around the values. */
const MOST_DIGITS_IN_A_REQUEST = 48 * 1024;

/** Split fingerprints into as many as one request may hold: a video's value is as long as a thousand of a file's. */
export function inRequests(fingerprints: readonly GuardedFingerprint[]): GuardedFingerprint[][] {
  const requests: GuardedFingerprint[][] = [];
  let digits = Infinity;
  for (const one of fingerprints) {
    const last = requests.at(-1);
    digits += one.value.length;
    if (last !== undefined && last.length < MOST_IN_A_REQUEST && digits <= MOST_DIGITS_IN_A_REQUEST) {
      last.push(one);
    } else {
      requests.push([one]);
      digits = one.value.length;
    }
  }
  return requests;
}

function guardedFingerprint(read: Reader, untrusted: unknown): GuardedFingerprint {
  const record = read.record(untrusted);
  const quality = optional(record['quality'], (value) => read.whole(value, 0));
  return {
    algorithm: read.oneOf(record['algorithm'], ALGORITHMS),
    value: read.text(record['value'], /^[0-9a-f]+$/),
    ...(quality === undefined ? {} : { quality }),
  };
}
