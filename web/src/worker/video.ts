/** One video to its fingerprints, with progress. Pictures are taken one at a time, and only small ones are kept. */
import { MIN_QUALITY, type Fingerprint } from '../core/fingerprint.ts';
import { boxOfAll, cutLuma, expanded, outermostBox, smallLuma, type Luma } from '../core/luma.ts';
import { pdqOfLuma } from '../core/pdq.ts';
import { Problem } from '../core/problem.ts';
import { regionsOf } from '../core/regions.ts';
import {
  barsEvery,
  framesToRegister,
  KeyPictures,
  mainTicks,
  stablePicture,
  ticksBetween,
  videoValue,
  type Seen,
} from '../core/video.ts';
import type { Box } from '../core/variants.ts';
import { fileDigests } from './file_digests.ts';
import type { How } from './how.ts';
import { openInPlayer } from './player.ts';
import { openVideo, type OpenVideo } from './video_pictures.ts';

const MAX_BYTES = 8 * 2 ** 30;
/** Where the progress bar stands when the digests are made, and when the main pictures have been looked at. */
const DIGESTS_SHARE = 0.3;
const MAIN_SHARE = 0.85;

/** What main pictures are looked at for, beside their hashes. */
interface MainPass {
  readonly seen: Seen[];
  readonly keys: Luma[];
  readonly box: Box | undefined;
}

/**
 * Fingerprint a video: MD5 and SHA-256 always, its frames where this device can decode it, and regions of a few key
 * pictures if asked.
 *
 * @throws Problem with a `media.` code.
 */
export async function fingerprintVideo(file: Blob, how: How): Promise<Fingerprint[]> {
  if (file.size > MAX_BYTES) throw new Problem('media.too_large');
  const { md5, sha256 } = await fileDigests(file, (done) => {
    how.onShare((DIGESTS_SHARE * done) / file.size);
  });
  const looks = await looksOf(file, how);
  how.onShare(1);
  return [...looks, { algorithm: 'md5', value: md5 }, { algorithm: 'sha256', value: sha256 }];
}

/** The video, opened here or else in the page; undefined where neither can: its exact copy can still be found. */
async function opened(file: Blob, how: How): Promise<OpenVideo | undefined> {
  try {
    return await openVideo(file);
  } catch (error) {
    if (!isUndecodable(error)) throw error;
  }
  try {
    return await openInPlayer(how.askPlayer);
  } catch (error) {
    if (!isUndecodable(error)) throw error;
    return undefined;
  }
}

function isUndecodable(error: unknown): boolean {
  return error instanceof Problem && error.code === 'media.codec';
}

async function looksOf(file: Blob, how: How): Promise<Fingerprint[]> {
  const video = await opened(file, how);
  if (video === undefined) return [];
  try {
    const main = await passMain(video, how.onShare);
    const values = [await valueOf(video, main.seen, (luma) => luma)];
    const { box } = main;
    if (box !== undefined) {
      const trim = (luma: Luma) => cutLuma(smallLuma(luma), box);
      const ticks = main.seen.map(({ tick }) => tick);
      values.push(await valueOf(video, await hashesAt(video, ticks, trim), trim));
    }
    const regions = how.editedCopies ? main.keys.map((key) => regionsOf(expanded(box ? cutLuma(key, box) : key))) : [];
    return [...fingerprintsOf('vpdq', values), ...fingerprintsOf('pdq-region', regions)];
  } finally {
    video.close();
  }
}

/** The hash of every main picture, the calmest of each quarter, and the box that bars leave. */
async function passMain(video: OpenVideo, onShare: (share: number) => void): Promise<MainPass> {
  const ticks = mainTicks(video.durationS);
  const seen: Seen[] = [];
  const keys = new KeyPictures<Luma>(video.durationS);
  const boxes: (Box | undefined)[] = [];
  let size: Luma | undefined;
  for await (const { tick, luma } of video.picturesAt(ticks)) {
    const here = { tick, hash: pdqOfLuma(luma.pixels, luma.fullRange) };
    const small = smallLuma(luma);
    size ??= small;
    if (seen.length % barsEvery(ticks.length) === 0 && here.hash.quality >= MIN_QUALITY)
      boxes.push(outermostBox(small));
    keys.pass(here, small);
    seen.push(here);
    onShare(DIGESTS_SHARE + ((MAIN_SHARE - DIGESTS_SHARE) * seen.length) / ticks.length);
  }
  if (size === undefined) throw new Problem('media.damaged');
  return { seen, keys: keys.found(), box: boxOfAll(boxes, size.pixels) };
}

/** A value from its main pictures, looking between them where a scene begins. */
async function valueOf(
  video: OpenVideo,
  main: readonly Seen[],
  view: (luma: Luma) => Luma,
): Promise<string | undefined> {
  const between = ticksBetween(main, video.durationS);
  const seenAt = new Map((await hashesAt(video, between.flat(), view)).map((seen) => [seen.tick, seen]));
  const scenes = main.flatMap((before, i) => {
    const after = main[i + 1];
    const looked = (between[i] ?? []).flatMap((tick) => seenAt.get(tick) ?? []);
    return (after && stablePicture(before, looked, after)) ?? [];
  });
  return videoValue(video.durationS, framesToRegister(main, scenes, video.durationS));
}

async function hashesAt(video: OpenVideo, ticks: readonly number[], view: (luma: Luma) => Luma): Promise<Seen[]> {
  const seen: Seen[] = [];
  if (ticks.length === 0) return seen;
  for await (const { tick, luma } of video.picturesAt(ticks)) {
    const viewed = view(luma);
    seen.push({ tick, hash: pdqOfLuma(viewed.pixels, viewed.fullRange) });
  }
  return seen;
}

/** Each value once. */
function fingerprintsOf(
  algorithm: 'vpdq' | 'pdq-region',
  values: readonly (string | null | undefined)[],
): Fingerprint[] {
  const made = values.filter((value) => value !== null && value !== undefined);
  return [...new Set(made)].map((value) => ({ algorithm, value }));
}
