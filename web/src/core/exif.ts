/**
 * The one thing that is read of a picture's EXIF block: how the camera was held. Nothing of the block is kept or sent.
 *
 * A block that is broken, or lies behind the bytes that are at hand, says nothing, as if it were not there. AVIF and HEIC say
 * it in boxes of its own. The same rules as src/takeback/hashing/orientation.py. Sources: CIPA DC-008 (Exif 2.32) §4.5 and
 * §4.6, W3C PNG §11.3.3.6 (eXIf), RFC 9649 §2.7.1.5 (WebP), ISO/IEC 23008-12 §6.5.10 and §6.5.12 (irot, imir).
 */
import { imageBoxes } from './image_boxes.ts';
import type { RgbaPixels } from './pdq.ts';
import type { PictureFormat } from './sniff.ts';

const UPRIGHT = 1;
const PNG_SIGNATURE_BYTES = 8;
const PNG_EXIF = 0x65584966;
const PNG_PIXELS = 0x49444154;
const WEBP_HEADER_BYTES = 12;
const WEBP_EXIF = 0x45584946;

/** Orientation by how often the boxes turn by a quarter against the clock, which comes before mirroring. */
const BOX_ORIENTATIONS = { no: [1, 8, 3, 6], upsideDown: [4, 5, 2, 7], leftRight: [2, 7, 4, 5] } as const;
const APP1 = 0xe1;
const START_OF_SCAN = 0xda;
const EXIF_TAG = [0x45, 0x78, 0x69, 0x66, 0, 0];
const ORIENTATION_TAG = 0x0112;
const SHORT = 3;
const ENTRY_BYTES = 12;

/**
 * Which of the eight forms of `pdqFormsOf` is the picture as it is stored, before it was set upright; by orientation,
 * from 1. Others do not read the note, and hash that one.
 */
const RAW_FORMS = [0, 5, 2, 4, 6, 1, 7, 3];

/** The index among the forms of `pdqFormsOf`, of a picture as displayed, that is the picture as stored; 0 is the same. */
export function rawForm(orientation: number): number {
  return RAW_FORMS[orientation - 1] ?? 0;
}

/**
 * The orientation of a picture, 1 to 8; 1 if it does not say.
 *
 * @param untrustedBytes the first bytes of the file; of a WebP all, because what it says of itself stands at its end.
 */
export function orientationOf(format: PictureFormat, untrustedBytes: Uint8Array): number {
  const view = new DataView(untrustedBytes.buffer, untrustedBytes.byteOffset, untrustedBytes.byteLength);
  try {
    switch (format) {
      case 'jpeg':
        return orientationInJpeg(view);
      case 'png':
        return orientationInPng(view);
      case 'webp':
        return orientationInWebp(view);
      case 'avif':
      case 'heic':
        return orientationInBoxes(untrustedBytes);
      case 'gif':
      case 'bmp':
        return UPRIGHT;
    }
  } catch (error) {
    if (error instanceof RangeError) return UPRIGHT; // a length or an offset points outside
    throw error;
  }
}

/** A picture as stored, set upright; row and column of each pixel by EXIF §4.6.4. */
export function upright(stored: RgbaPixels, orientation: number): RgbaPixels {
  if (orientation === UPRIGHT) return stored;
  const turned = orientation >= 5;
  const [width, height] = turned ? [stored.height, stored.width] : [stored.width, stored.height];
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const data = new Uint8ClampedArray(stored.data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [across, down] = turned ? [y, x] : [x, y];
      const sx = fromRight ? stored.width - 1 - across : across;
      const sy = fromBottom ? stored.height - 1 - down : down;
      const [to, from] = [4 * (y * width + x), 4 * (sy * stored.width + sx)];
      for (let channel = 0; channel < 4; channel++) data[to + channel] = stored.data[from + channel] ?? 0;
    }
  }
  return { width, height, data };
}

function orientationInPng(view: DataView): number {
  let at = PNG_SIGNATURE_BYTES;
  for (;;) {
    const length = view.getUint32(at);
    const name = view.getUint32(at + 4);
    if (name === PNG_EXIF) return orientationInTiff(new DataView(view.buffer, view.byteOffset + at + 8, length));
    if (name === PNG_PIXELS) return UPRIGHT;
    at += 12 + length;
  }
}

function orientationInWebp(view: DataView): number {
  let at = WEBP_HEADER_BYTES;
  for (;;) {
    const length = view.getUint32(at + 4, true);
    if (view.getUint32(at) === WEBP_EXIF) {
      const start = view.byteOffset + at + 8;
      const hasTag = EXIF_TAG.every((byte, i) => view.getUint8(at + 8 + i) === byte);
      const skipped = hasTag ? EXIF_TAG.length : 0;
      return orientationInTiff(new DataView(view.buffer, start + skipped, length - skipped));
    }
    at += 8 + length + (length % 2);
  }
}

function orientationInBoxes(untrustedBytes: Uint8Array): number {
  const { quarterTurns, mirrored } = imageBoxes(untrustedBytes);
  return BOX_ORIENTATIONS[mirrored][quarterTurns];
}

function orientationInJpeg(view: DataView): number {
  let at = 2;
  for (;;) {
    while (view.getUint8(at + 1) === 0xff) at++; // fill bytes, T.81 §B.1.1.2
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff || marker === START_OF_SCAN) return UPRIGHT;
    const length = view.getUint16(at + 2);
    if (marker === APP1 && EXIF_TAG.every((byte, i) => view.getUint8(at + 4 + i) === byte)) {
      return orientationInTiff(new DataView(view.buffer, view.byteOffset + at + 10, length - 8));
    }
    at += 2 + length;
  }
}

function orientationInTiff(tiff: DataView): number {
  const order = tiff.getUint16(0);
  const little = order === 0x4949;
  if ((!little && order !== 0x4d4d) || tiff.getUint16(2, little) !== 42) return UPRIGHT;
  const directory = tiff.getUint32(4, little);
  const entries = tiff.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + i * ENTRY_BYTES;
    if (tiff.getUint16(entry, little) !== ORIENTATION_TAG) continue;
    const value = tiff.getUint16(entry + 8, little);
    return tiff.getUint16(entry + 2, little) === SHORT && value >= 1 && value <= 8 ? value : UPRIGHT;
  }
  return UPRIGHT;
}
