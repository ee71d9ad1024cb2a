/** What the registry answers an operator about partners and their offers. Source: docs/protocol/console-v1.md §5. */
import { ID, LONG_ID, optional, reading, WORDS, type Word } from './console_wire.ts';
import { ALGORITHMS, type Algorithm } from './fingerprint.ts';
import type { Reader } from './parse.ts';

export const SCOPES = ['pull', 'feedback', 'match', 'submit'] as const;
export type Scope = (typeof SCOPES)[number];

/** `perMinute`: how many requests a minute; without it the registry's setting holds. */
export interface Partner {
  readonly id: string;
  readonly name: string;
  readonly lists: readonly Algorithm[];
  readonly isActive: boolean;
  readonly scopes: readonly Scope[];
  readonly networks: readonly string[];
  readonly perMinute: number | undefined;
}

/** What a partner may do, how often (0 for the registry's setting) and from where. */
export interface Terms {
  readonly scopes: readonly Scope[];
  readonly perMinute: number;
  readonly networks: readonly string[];
}

/** What a partner does with its key. `lastPull`: days since 1970-01-01. */
export interface PartnerCounts {
  readonly id: string;
  readonly pulls: number;
  readonly questions: number;
  readonly lastPull: number | undefined;
  readonly behind: readonly { readonly list: Algorithm; readonly changes: number }[];
  readonly words: readonly { readonly value: Word; readonly entries: number }[];
}

export const OFFER_STATES = ['waiting', 'taken', 'refused', 'withdrawn'] as const;
export type OfferState = (typeof OFFER_STATES)[number];

/** A fingerprint that a partner would put on a list, without its value. */
export interface Offer {
  readonly id: string;
  readonly partner: string;
  readonly name: string;
  readonly list: Algorithm;
  readonly state: OfferState;
  readonly day: number;
}

/** The first offers in one state; `total`: how many there are. */
export interface Offers {
  readonly offers: readonly Offer[];
  readonly total: number;
}

export interface Partners {
  readonly partners: readonly Partner[];
  readonly defaultLists: readonly Algorithm[];
  readonly overlapDays: number;
}

/** A partner and its key, with what it is in other protocols. Shown once. */
export interface IssuedKey {
  readonly partner: Partner;
  readonly key: string;
  readonly ncmec: { readonly user: string; readonly password: string };
  readonly stopncii: { readonly functionKey: string; readonly subscriptionKey: string };
}

function lists(read: Reader, untrusted: unknown): Algorithm[] {
  return read.list(untrusted, (name) => read.oneOf(name, ALGORITHMS));
}

function partner(read: Reader, untrusted: unknown): Partner {
  const record = read.record(untrusted);
  return {
    id: read.text(record['partner'], ID),
    name: read.text(record['name']),
    lists: lists(read, record['lists']),
    isActive: read.truth(record['active']),
    scopes: read.list(record['scopes'], (scope) => read.oneOf(scope, SCOPES)),
    networks: read.list(record['networks'], (network) => read.text(network)),
    perMinute: optional(record['per_minute'], (count) => read.whole(count, 1)),
  };
}

export const parsePartner = reading(partner);

export const parsePartners = reading((read, record): Partners => ({
  partners: read.list(record['partners'], (item) => partner(read, item)),
  defaultLists: lists(read, record['default_lists']),
  overlapDays: read.whole(record['overlap_days'], 0),
}));

export const parseIssuedKey = reading((read, record): IssuedKey => {
  const credentials = read.record(record['credentials']);
  return {
    partner: partner(read, record['partner']),
    key: read.text(record['key'], /^tb1_[0-9a-f_]+$/),
    ncmec: { user: read.text(credentials['ncmec_user']), password: read.text(credentials['ncmec_password']) },
    stopncii: {
      functionKey: read.text(credentials['stopncii_function_key']),
      subscriptionKey: read.text(credentials['stopncii_subscription_key']),
    },
  };
});

export const parsePartnerStatistics = reading((read, record): PartnerCounts[] =>
  read.list(record['partners'], (item) => partnerCounts(read, item)),
);

function partnerCounts(read: Reader, untrusted: unknown): PartnerCounts {
  const record = read.record(untrusted);
  return {
    id: read.text(record['partner'], ID),
    pulls: read.whole(record['pulls'], 0),
    questions: read.whole(record['questions'], 0),
    lastPull: optional(record['last_pull'], (day) => read.whole(day, 0)),
    behind: read.list(record['behind'], (item) => {
      const behind = read.record(item);
      return { list: read.oneOf(behind['list'], ALGORITHMS), changes: read.whole(behind['changes'], 0) };
    }),
    words: read.list(record['words'], (item) => {
      const said = read.record(item);
      return { value: read.oneOf(said['value'], WORDS), entries: read.whole(said['entries'], 0) };
    }),
  };
}

export const parseOffers = reading((read, record): Offers => ({
  total: read.whole(record['total'], 0),
  offers: read.list(record['offers'], (item) => {
    const offer = read.record(item);
    return {
      id: read.text(offer['offer'], LONG_ID),
      partner: read.text(offer['partner'], ID),
      name: read.text(offer['name']),
      list: read.oneOf(offer['list'], ALGORITHMS),
      state: read.oneOf(offer['state'], OFFER_STATES),
      day: read.whole(offer['day'], 0),
    };
  }),
}));
