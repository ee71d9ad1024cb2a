/** What a picture or a video is known by once it has been turned into numbers. Same words and limits as the Python side's model. */

/** `pdq-region` is one picture's set of regions, `vpdq` one video's frames, in one value; the others have a value for one whole picture or file. */
export type Algorithm = 'pdq' | 'md5' | 'sha256' | 'pdq-region' | 'vpdq';

export const ALGORITHMS: readonly Algorithm[] = ['pdq', 'md5', 'sha256', 'pdq-region', 'vpdq'];

/** PDQ of a lower quality says nothing about the picture and is not sent. Source: PDQ reference. */
export const MIN_QUALITY = 50;

/** One fingerprint; `value` is lower-case hexadecimal, `quality` (0 to 100) belongs to PDQ alone. */
export interface Fingerprint {
  readonly algorithm: Algorithm;
  readonly value: string;
  readonly quality?: number;
}

/** How many regions a fingerprint holds: the first byte of a set's text form; none for the other algorithms. */
export function regionCount({ algorithm, value }: Fingerprint): number {
  return algorithm === 'pdq-region' ? Number.parseInt(value.slice(0, 2), 16) : 0;
}

/** Everything that was made from one picture. `file` counts the person's pictures from 1; names are not kept. */
export interface PictureFingerprints {
  readonly file: number;
  readonly fingerprints: readonly Fingerprint[];
}
