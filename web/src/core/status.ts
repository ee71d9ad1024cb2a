/** From the registry's answers about holds to what a person wants to know: how each picture is doing. */
import type { Hold } from './case_content.ts';
import type { HoldState, HoldStatus } from './wire.ts';

/** One picture of a case. */
export interface PictureStatus {
  readonly file: number;
  /** Whether a fingerprint of it says that it is a video. */
  readonly isVideo: boolean;
  readonly state: HoldState;
  readonly platforms: number;
  /** Its holds that can still be withdrawn. */
  readonly tokens: readonly string[];
  /** Its holds whose withdrawal waits and can be undone, and the first day one of them goes. */
  readonly leaving: readonly string[];
  readonly leaves?: string;
  /** The first day on which one of its holds ends, unless it is renewed. */
  readonly expires?: string;
}

/** From the least to the furthest. A paused fingerprint counts for less than one that is still at work. */
const PROGRESS: readonly HoldState[] = [
  'withdrawn',
  'expired',
  'declined',
  'withdrawing',
  'being_added',
  'quarantined',
  'listed',
  'found',
  'in_review',
  'removed',
];

/**
 * The state of each picture, by its number: the furthest any of its fingerprints has come.
 *
 * @param statuses one for each of `holds`, in their order.
 */
export function pictureStatuses(holds: readonly Hold[], statuses: readonly HoldStatus[]): PictureStatus[] {
  const pictures = new Map<number, PictureStatus>();
  holds.forEach((hold, i) => {
    const status = statuses[i];
    if (status === undefined) return;
    const known = pictures.get(hold.file) ?? {
      file: hold.file,
      isVideo: false,
      state: 'withdrawn',
      platforms: 0,
      tokens: [],
      leaving: [],
    };
    const isLeaving = status.state === 'withdrawing';
    const isThere = !isLeaving && status.state !== 'withdrawn' && status.state !== 'expired';
    const leaves = earlier(known.leaves, status.leaves);
    const expires = earlier(known.expires, status.expires);
    pictures.set(hold.file, {
      ...known,
      isVideo: known.isVideo || hold.algorithm === 'vpdq',
      ...further(known, status),
      tokens: isThere ? [...known.tokens, hold.token] : known.tokens,
      leaving: isLeaving ? [...known.leaving, hold.token] : known.leaving,
      ...(leaves === undefined ? {} : { leaves }),
      ...(expires === undefined ? {} : { expires }),
    });
  });
  return [...pictures.values()].sort((a, b) => a.file - b.file);
}

/** Of two days that may be missing, the first. */
function earlier(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a;
}

function further(a: HoldStatus, b: HoldStatus): Pick<HoldStatus, 'state' | 'platforms'> {
  const ahead = PROGRESS.indexOf(b.state) - PROGRESS.indexOf(a.state);
  const platforms = ahead === 0 ? Math.max(a.platforms, b.platforms) : ahead > 0 ? b.platforms : a.platforms;
  return { state: ahead > 0 ? b.state : a.state, platforms };
}
