/** One file to its fingerprints, with progress. Nothing leaves the worker but numbers. Videos are video.ts's business. */
import { orientationOf, rawForm } from '../core/exif.ts';
import { MIN_QUALITY, type Fingerprint } from '../core/fingerprint.ts';
import { pdqFormsOf, pdqOf, type PdqHash, type RgbaPixels } from '../core/pdq.ts';
import { isPlausiblePdq } from '../core/plausibility.ts';
import { Problem } from '../core/problem.ts';
import { regionsOf } from '../core/regions.ts';
import {
  checkPictureSize,
  HEADER_BYTES,
  PICTURE_LIMITS,
  sniffPicture,
  type PictureFormat,
  type PictureHeader,
} from '../core/sniff.ts';
import { isVideo } from '../core/sniff_video.ts';
import { boxesToRegister, cut, shrunk } from '../core/variants.ts';
import { fileDigests } from './file_digests.ts';
import { furtherFrames } from './frames.ts';
import type { How, OnShare } from './how.ts';
import { decodePixels, type PictureFile } from './pixels.ts';
import { videoCode } from './video_code.ts';

const VIDEO_HEAD_BYTES = 1024;

/** Most PDQ values of one file: a submission has room for so many (case-v1 §5.1). Of more the last, app crops, go. */
const MAX_PDQ = 13;

/** Where one file's progress bar stands after each step, roughly by how long the steps take. */
interface Shares {
  readonly digests: number;
  readonly decoded: number;
  readonly plain: number;
  readonly views: number;
}
const WHOLE_PICTURE: Shares = { digests: 0.4, decoded: 0.7, plain: 1, views: 1 };
const EDITED_COPIES: Shares = { digests: 0.05, decoded: 0.2, plain: 0.45, views: 0.7 };

/**
 * Fingerprint a picture or a video, whichever the bytes say it is.
 *
 * @throws Problem with a `media.` code.
 */
export async function fingerprintFile(file: Blob, how: How): Promise<Fingerprint[]> {
  const head = new Uint8Array(await readBytes(file.slice(0, VIDEO_HEAD_BYTES)));
  if (!isVideo(head)) return fingerprintPicture(file, how.editedCopies, how.onShare);
  const { fingerprintVideo } = await videoCode();
  return fingerprintVideo(file, how);
}

/**
 * Fingerprint a picture: PDQ where it says something, MD5 and SHA-256 always, and what finds edited copies if asked.
 *
 * @param editedCopies whether PDQ of parts that are often cut out, and a set of regions, are made too.
 * @throws Problem with a `media.` code.
 */
async function fingerprintPicture(file: Blob, editedCopies: boolean, onShare: OnShare): Promise<Fingerprint[]> {
  if (file.size > PICTURE_LIMITS.maxBytes) throw new Problem('media.too_large');
  const head = new Uint8Array(await readBytes(file.slice(0, HEADER_BYTES)));
  const header = await headerOf(file, head);
  checkPictureSize(header, PICTURE_LIMITS);
  const shares = editedCopies ? EDITED_COPIES : WHOLE_PICTURE;
  const { md5, sha256 } = await fileDigests(file, (done) => {
    onShare((shares.digests * done) / file.size);
  });
  const picture = { file, format: header.format, orientation: await orientation(file, header.format, head) };
  const pixels = await decodePixels(picture, PICTURE_LIMITS);
  onShare(shares.decoded);
  const hashes = [pdqOf(pixels), ...(await frameHashes(picture, pixels))];
  onShare(shares.plain);
  if (editedCopies) {
    hashes.push(
      ...viewHashes(pixels, picture.orientation, (share) => {
        onShare(shares.plain + (shares.views - shares.plain) * share);
      }),
    );
  }
  const regions = editedCopies ? regionsOf(pixels) : null;
  onShare(1);
  return [
    ...pdqFingerprints(hashes),
    { algorithm: 'md5', value: md5 },
    { algorithm: 'sha256', value: sha256 },
    ...(regions === null ? [] : [{ algorithm: 'pdq-region', value: regions } as const]),
  ];
}

/** How a file says that it is to be turned. A WebP says it at its end. */
async function orientation(file: Blob, format: PictureFormat, head: Uint8Array): Promise<number> {
  const isThere = format !== 'webp' || file.size <= head.length;
  return orientationOf(format, isThere ? head : new Uint8Array(await readBytes(file)));
}

async function frameHashes(picture: PictureFile, { width, height }: RgbaPixels): Promise<PdqHash[]> {
  const hashes: PdqHash[] = [];
  for await (const frame of furtherFrames(picture, width * height)) hashes.push(pdqOf(frame));
  return hashes;
}

/** PDQ of the picture as stored, and of the views that are cut out of it; one view at a time, to spare memory. */
function viewHashes(pixels: RgbaPixels, orientation: number, onShare: OnShare): PdqHash[] {
  const small = shrunk(pixels);
  const form = rawForm(orientation);
  const asStored = form === 0 ? [] : pdqFormsOf(pixels).slice(form, form + 1);
  const views = boxesToRegister(small).map((box, i, boxes) => {
    const hash = pdqOf(cut(small, box));
    onShare((i + 1) / boxes.length);
    return hash;
  });
  return [...asStored, ...views];
}

/** Each value once, and none that says nothing. */
function pdqFingerprints(hashes: readonly PdqHash[]): Fingerprint[] {
  const seen = new Set<string>();
  const useful = hashes.flatMap<Fingerprint>(({ value, quality }) => {
    if (quality < MIN_QUALITY || !isPlausiblePdq(value) || seen.has(value)) return [];
    seen.add(value);
    return [{ algorithm: 'pdq', value, quality }];
  });
  return useful.slice(0, MAX_PDQ);
}

async function headerOf(file: Blob, head: Uint8Array): Promise<PictureHeader> {
  const header = sniffPicture(head, file.size <= HEADER_BYTES);
  if (header !== undefined) return header;
  const whole = sniffPicture(new Uint8Array(await readBytes(file)), true);
  if (whole === undefined) throw new Problem('media.truncated');
  return whole;
}

async function readBytes(file: Blob): Promise<ArrayBuffer> {
  try {
    return await file.arrayBuffer();
  } catch {
    throw new Problem('media.unreadable'); // moved, deleted, or not on the device (a cloud placeholder)
  }
}
