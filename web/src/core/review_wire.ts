/** Replies of the platform kit to a reviewer's page. Source: docs/protocol/platform-v1.md §4. */
import { ALGORITHMS, type Algorithm } from './fingerprint.ts';
import { Reader } from './parse.ts';

export const ACTIONS = ['remove', 'keep'] as const;
export type Action = (typeof ACTIONS)[number];

export const REASONS = ['intimate_image', 'minor', 'not_the_same', 'not_intimate', 'other'] as const;
export type Reason = (typeof REASONS)[number];

/** Which reasons go with which action. */
export const REASONS_FOR: Readonly<Record<Action, readonly Reason[]>> = {
  remove: ['intimate_image', 'minor', 'other'],
  keep: ['not_the_same', 'not_intimate', 'other'],
};

/**
 * Why a picture is here. `distance` is in bits; 0 for an exact fingerprint. `votes` is how many parts of the picture agree,
 * for `pdq-region`. `withdrawn`: no longer on the list.
 */
export interface LeadMatch {
  readonly algorithm: Algorithm;
  readonly distance: number;
  readonly tier: 'hold' | 'look';
  readonly votes?: number;
  readonly withdrawn: boolean;
}

/** A picture that waits for a person. Times are Unix seconds. */
export interface Lead {
  readonly id: string;
  readonly held: boolean;
  readonly createdS: number;
  readonly deadlineS: number;
  readonly width: number;
  readonly height: number;
  readonly matches: readonly LeadMatch[];
}

/** The most urgent leads, nearest deadline first, and how many are open and overdue in all. */
export interface Queue {
  readonly openCount: number;
  readonly leads: readonly Lead[];
  readonly overdue: number;
}

/** Reply of `GET /v1/leads?state=open`. */
export function parseQueue(untrustedText: string): Queue {
  const read = new Reader('reply.malformed');
  const queue = read.record(read.json(untrustedText));
  return {
    leads: read.list(queue['leads'], (untrusted) => lead(read, untrusted)),
    openCount: read.whole(queue['open'], 0),
    overdue: read.whole(queue['overdue'], 0),
  };
}

function lead(read: Reader, untrusted: unknown): Lead {
  const record = read.record(untrusted);
  return {
    id: read.text(record['lead_id'], /^[0-9a-f]{32}$/),
    held: read.truth(record['held']),
    createdS: read.whole(record['created'], 0),
    deadlineS: read.whole(record['deadline'], 0),
    width: read.whole(record['width'], 1),
    height: read.whole(record['height'], 1),
    matches: read.list(record['matches'], (entry) => {
      const match = read.record(entry);
      const untrustedVotes = match['votes'] ?? undefined;
      return {
        algorithm: read.oneOf(match['algorithm'], ALGORITHMS),
        distance: read.whole(match['distance'], 0),
        tier: read.oneOf(match['tier'], ['hold', 'look']),
        ...(untrustedVotes === undefined ? {} : { votes: read.whole(untrustedVotes, 0) }),
        withdrawn: read.truth(match['withdrawn']),
      };
    }),
  };
}
