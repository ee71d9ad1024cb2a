/** From the registry's answers about holds to what a person wants to know: how each picture is doing. */
import type { Hold } from './case_content.ts';
import type { HoldState, HoldStatus } from './wire.ts';

/** One picture of a case. `tokens` are its holds that can still be withdrawn. */
export interface PictureStatus {
  readonly file: number;
  readonly state: HoldState;
  readonly platforms: number;
  readonly tokens: readonly string[];
}

/** From the least to the furthest. A paused fingerprint counts for less than one that is still at work. */
const PROGRESS: readonly HoldState[] = [
  'withdrawn',
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
    const known = pictures.get(hold.file) ?? { file: hold.file, state: 'withdrawn', platforms: 0, tokens: [] };
    const tokens = status.state === 'withdrawn' ? known.tokens : [...known.tokens, hold.token];
    pictures.set(hold.file, { ...known, ...further(known, status), tokens });
  });
  return [...pictures.values()].sort((a, b) => a.file - b.file);
}

function further(a: HoldStatus, b: HoldStatus): HoldStatus {
  const ahead = PROGRESS.indexOf(b.state) - PROGRESS.indexOf(a.state);
  const platforms = ahead === 0 ? Math.max(a.platforms, b.platforms) : ahead > 0 ? b.platforms : a.platforms;
  return { state: ahead > 0 ? b.state : a.state, platforms };
}
