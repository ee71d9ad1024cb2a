/** One file to its fingerprints, with progress. Nothing leaves the worker but numbers. */
import { MIN_QUALITY, type Fingerprint } from '../core/fingerprint.ts';
import { pdqOf, type PdqHash, type RgbaPixels } from '../core/pdq.ts';
import { Problem } from '../core/problem.ts';
import { regionsOf } from '../core/regions.ts';
import { checkPictureSize, HEADER_BYTES, PICTURE_LIMITS, sniffPicture, type PictureHeader } from '../core/sniff.ts';
import { boxesToRegister, cut, shrunk } from '../core/variants.ts';
import { fileDigests } from './file_digests.ts';
import { decodePixels } from './pixels.ts';

/** A share of the work, 0 to 1, that is done. */
type OnShare = (share: number) => void;

/** Where one file's progress bar stands after each step, roughly by how long the steps take. */
interface Shares {
  readonly digests: number;
  readonly decoded: number;
  readonly plain: number;
  readonly views: number;
}
const WHOLE_PICTURE: Shares = { digests: 0.4, decoded: 0.7, plain: 1, views: 1 };
const EDITED_COPIES: Shares = { digests: 0.15, decoded: 0.3, plain: 0.5, views: 0.75 };

/**
 * Fingerprint a picture: PDQ where it says something, MD5 and SHA-256 always, and what finds edited copies if asked.
 *
 * @param editedCopies whether PDQ of parts that are often cut out, and a set of regions, are made too.
 * @throws Problem with a `media.` code.
 */
export async function fingerprintPicture(file: Blob, editedCopies: boolean, onShare: OnShare): Promise<Fingerprint[]> {
  if (file.size > PICTURE_LIMITS.maxBytes) throw new Problem('media.too_large');
  checkPictureSize(await headerOf(file), PICTURE_LIMITS);
  const shares = editedCopies ? EDITED_COPIES : WHOLE_PICTURE;
  const { md5, sha256 } = await fileDigests(file, (done) => {
    onShare((shares.digests * done) / file.size);
  });
  const pixels = await decodePixels(file, PICTURE_LIMITS);
  onShare(shares.decoded);
  const fingerprints: Fingerprint[] = [
    ...pdqFingerprints(pixels, editedCopies, shares, onShare),
    { algorithm: 'md5', value: md5 },
    { algorithm: 'sha256', value: sha256 },
  ];
  const regions = editedCopies ? regionsOf(pixels) : null;
  if (regions !== null) fingerprints.push({ algorithm: 'pdq-region', value: regions });
  onShare(1);
  return fingerprints;
}

/** PDQ of the whole picture and, if asked, of its views: each value once, and none that says nothing. */
function pdqFingerprints(pixels: RgbaPixels, editedCopies: boolean, shares: Shares, onShare: OnShare): Fingerprint[] {
  const hashes: PdqHash[] = [pdqOf(pixels)];
  onShare(shares.plain);
  if (editedCopies) {
    const small = shrunk(pixels);
    boxesToRegister(small).forEach((box, i, boxes) => {
      hashes.push(pdqOf(cut(small, box)));
      onShare(shares.plain + ((shares.views - shares.plain) * (i + 1)) / boxes.length);
    });
  }
  const seen = new Set<string>();
  return hashes.flatMap(({ value, quality }) => {
    if (quality < MIN_QUALITY || seen.has(value)) return [];
    seen.add(value);
    return [{ algorithm: 'pdq', value, quality }];
  });
}

async function headerOf(file: Blob): Promise<PictureHeader> {
  const head = new Uint8Array(await readBytes(file.slice(0, HEADER_BYTES)));
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
