/** One file to its fingerprints, with progress. Nothing leaves the worker but numbers. */
import { MIN_QUALITY, type Fingerprint } from '../core/fingerprint.ts';
import { pdqOf } from '../core/pdq.ts';
import { Problem } from '../core/problem.ts';
import { checkPictureSize, HEADER_BYTES, PICTURE_LIMITS, sniffPicture, type PictureHeader } from '../core/sniff.ts';
import { fileDigests } from './file_digests.ts';
import { decodePixels } from './pixels.ts';

/** Shares of one file's progress bar, roughly as long as the steps take. */
const DIGESTS_SHARE = 0.4;
const DECODED_SHARE = 0.7;

/**
 * Fingerprint a picture: PDQ where it says something, MD5 and SHA-256 always.
 *
 * @param onShare is told what share of the work, 0 to 1, is done.
 * @throws Problem with a `media.` code.
 */
export async function fingerprintPicture(file: Blob, onShare: (share: number) => void): Promise<Fingerprint[]> {
  if (file.size > PICTURE_LIMITS.maxBytes) throw new Problem('media.too_large');
  checkPictureSize(await headerOf(file), PICTURE_LIMITS);
  const { md5, sha256 } = await fileDigests(file, (done) => {
    onShare((DIGESTS_SHARE * done) / file.size);
  });
  const pixels = await decodePixels(file, PICTURE_LIMITS);
  onShare(DECODED_SHARE);
  const pdq = pdqOf(pixels);
  onShare(1);
  const exact: Fingerprint[] = [
    { algorithm: 'md5', value: md5 },
    { algorithm: 'sha256', value: sha256 },
  ];
  if (pdq.quality < MIN_QUALITY) return exact;
  return [{ algorithm: 'pdq', value: pdq.value, quality: pdq.quality }, ...exact];
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
