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

/** Where a video and a listed one show the same, in seconds of each. */
export interface MatchTimes {
  readonly uploadStartS: number;
  readonly uploadEndS: number;
  readonly listedStartS: number;
  readonly listedEndS: number;
}

/** One picture of a video's filmstrip. */
export interface StripFrame {
  readonly timeS: number;
  readonly isMatch: boolean;
}

/**
 * Why a picture or a video is here. `distance` is in bits; 0 for an exact fingerprint. `votes` is how many parts of the picture agree,
 * for `pdq-region`, or frames, for `vpdq`. `withdrawn`: no longer on the list.
 */
export interface LeadMatch {
  readonly algorithm: Algorithm;
  readonly distance: number;
  readonly tier: 'hold' | 'look';
  readonly votes?: number;
  readonly times?: MatchTimes;
  readonly withdrawn: boolean;
}

/**
 * A picture or a video that waits for a person. Times are Unix seconds; `frames` is empty for a picture. `foundLater`: it was on the
 * platform before it was on the list. `hasCopy`: there is something to look at; the platform sends it when it can.
 */
export interface Lead {
  readonly id: string;
  readonly held: boolean;
  readonly foundLater: boolean;
  readonly hasCopy: boolean;
  readonly createdS: number;
  readonly deadlineS: number;
  readonly width: number;
  readonly height: number;
  readonly media: 'image' | 'video';
  readonly durationS?: number;
  readonly frames: readonly StripFrame[];
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

function times(read: Reader, untrusted: unknown): MatchTimes {
  const record = read.record(untrusted);
  return {
    uploadStartS: read.seconds(record['upload_start']),
    uploadEndS: read.seconds(record['upload_end']),
    listedStartS: read.seconds(record['listed_start']),
    listedEndS: read.seconds(record['listed_end']),
  };
}

function lead(read: Reader, untrusted: unknown): Lead {
  const record = read.record(untrusted);
  const untrustedDuration = record['duration'] ?? undefined;
  return {
    id: read.text(record['lead_id'], /^[0-9a-f]{32}$/),
    held: read.truth(record['held']),
    foundLater: read.truth(record['found_later']),
    hasCopy: read.truth(record['has_copy']),
    createdS: read.whole(record['created'], 0),
    deadlineS: read.whole(record['deadline'], 0),
    width: read.whole(record['width'], 1),
    height: read.whole(record['height'], 1),
    media: read.oneOf(record['media'], ['image', 'video']),
    ...(untrustedDuration === undefined ? {} : { durationS: read.seconds(untrustedDuration) }),
    frames: read.list(record['frames'], (entry) => {
      const frame = read.record(entry);
      return { timeS: read.seconds(frame['time']), isMatch: read.truth(frame['match']) };
    }),
    matches: read.list(record['matches'], (entry) => {
      const match = read.record(entry);
      const untrustedVotes = match['votes'] ?? undefined;
      const untrustedTimes = match['times'] ?? undefined;
      return {
        algorithm: read.oneOf(match['algorithm'], ALGORITHMS),
        distance: read.whole(match['distance'], 0),
        tier: read.oneOf(match['tier'], ['hold', 'look']),
        ...(untrustedVotes === undefined ? {} : { votes: read.whole(untrustedVotes, 0) }),
        ...(untrustedTimes === undefined ? {} : { times: times(read, untrustedTimes) }),
        withdrawn: read.truth(match['withdrawn']),
      };
    }),
  };
}
