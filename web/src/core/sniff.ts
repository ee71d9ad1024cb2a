/**
 * What a file is, told by its first bytes: names and declared types are often wrong.
 *
 * Also how large the picture says it is, before anything spends memory on decoding it. Deliberately not here: whether
 * the rest of the file keeps the promise; the decoder finds that out.
 *
 * Sources: ITU-T T.81 §B.1 and §B.2 (JPEG), W3C PNG §5 and §11.2.2, RFC 9649 §2.5 to §2.7 (WebP), ISO/IEC 14496-12 §4.3
 * (the `ftyp` box of HEIC and AVIF), GIF89a §18, BITMAPINFOHEADER (BMP).
 */
import { imageBoxes } from './image_boxes.ts';
import { Problem } from './problem.ts';

export type PictureFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'bmp' | 'avif' | 'heic';

/** Width and height in pixels as the header states them, before any rotation. */
export interface PictureHeader {
  readonly format: PictureFormat;
  readonly width: number;
  readonly height: number;
}

/** What one picture may cost. */
export interface PictureLimits {
  readonly maxBytes: number;
  readonly maxPixels: number;
  readonly maxSidePx: number;
}

/** A 100-megapixel picture takes about 1 GB while it is worked on: more than that and a phone gives up. */
export const PICTURE_LIMITS: PictureLimits = { maxBytes: 64 * 2 ** 20, maxPixels: 100_000_000, maxSidePx: 65_535 };

/** A phone's JPEG keeps previews and maker notes before its size: nearly all have it within this many bytes. */
export const HEADER_BYTES = 2 ** 20;

const PNG_MAGIC = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG_MAGIC = [0xff, 0xd8, 0xff];
const WEBP_HEADER_BYTES = 30;
const PNG_HEADER_BYTES = 24;
const GIF_HEADER_BYTES = 10;
const BMP_HEADER_BYTES = 26;
const MOST_BRANDS = 32;
const AVIF_BRANDS = /^avi[fs]$/;
const HEIC_BRANDS = /^(?:hei[cxms]|hev[cx]|mif1|msf1)$/;

/**
 * The header of a picture.
 *
 * @param head the first bytes of the file.
 * @param isWhole whether `head` is all of it. If not and the header goes on behind it, the answer is `undefined`.
 * @throws Problem `media.empty`, `media.format` (something else that is not read here),
 *   `media.truncated`, `media.damaged`.
 */
export function sniffPicture(head: Uint8Array, isWhole: boolean): PictureHeader | undefined {
  if (head.length === 0) throw new Problem('media.empty');
  if (startsWith(head, JPEG_MAGIC)) return jpegHeader(head, isWhole);
  if (startsWith(head, PNG_MAGIC)) return pngHeader(head);
  if (text(head, 0, 4) === 'RIFF' && text(head, 8, 12) === 'WEBP') return webpHeader(head);
  if (/^GIF8[79]a$/.test(text(head, 0, 6))) return gifHeader(head);
  if (text(head, 0, 2) === 'BM') return bmpHeader(head);
  const [main, ...others] = brandsOf(head);
  if ([main, ...others].some((brand) => AVIF_BRANDS.test(brand ?? ''))) return boxesHeader('avif', head, isWhole);
  // Some browsers read it, most do not: the decoder is asked.
  if (HEIC_BRANDS.test(main ?? '')) return boxesHeader('heic', head, isWhole);
  throw new Problem('media.format');
}

/**
 * Hold a header against the limits.
 *
 * @throws Problem `media.too_large`, `media.damaged` (no pixels at all).
 */
export function checkPictureSize({ width, height }: PictureHeader, limits: PictureLimits): void {
  if (width === 0 || height === 0) throw new Problem('media.damaged');
  if (Math.max(width, height) > limits.maxSidePx || width * height > limits.maxPixels) {
    throw new Problem('media.too_large');
  }
}

/** The brands of a file in boxes: the main one and those it is compatible with. */
function brandsOf(head: Uint8Array): string[] {
  if (text(head, 4, 8) !== 'ftyp') return [];
  const end = Math.min(viewOf(head).getUint32(0), head.length, 16 + 4 * MOST_BRANDS);
  const starts = Array.from({ length: Math.max(0, Math.floor((end - 16) / 4)) }, (_, i) => 16 + 4 * i);
  return [8, ...starts].map((at) => text(head, at, at + 4));
}

function pngHeader(head: Uint8Array): PictureHeader {
  if (head.length < PNG_HEADER_BYTES) throw new Problem('media.truncated');
  if (text(head, 12, 16) !== 'IHDR') throw new Problem('media.damaged');
  const view = viewOf(head);
  return { format: 'png', width: view.getUint32(16), height: view.getUint32(20) };
}

function webpHeader(head: Uint8Array): PictureHeader {
  if (head.length < WEBP_HEADER_BYTES) throw new Problem('media.truncated');
  const view = viewOf(head);
  switch (text(head, 12, 16)) {
    case 'VP8X':
      return { format: 'webp', width: 1 + uint24(view, 24), height: 1 + uint24(view, 27) };
    case 'VP8L': {
      const bits = view.getUint32(21, true);
      return { format: 'webp', width: 1 + (bits & 0x3fff), height: 1 + ((bits >> 14) & 0x3fff) };
    }
    case 'VP8 ':
      return { format: 'webp', width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    default:
      throw new Problem('media.damaged');
  }
}

function gifHeader(head: Uint8Array): PictureHeader {
  if (head.length < GIF_HEADER_BYTES) throw new Problem('media.truncated');
  const view = viewOf(head);
  return { format: 'gif', width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

/** A negative height means that the top row comes first. */
function bmpHeader(head: Uint8Array): PictureHeader {
  if (head.length < BMP_HEADER_BYTES) throw new Problem('media.truncated');
  const view = viewOf(head);
  if (view.getUint32(14, true) < 40) throw new Problem('media.format');
  return { format: 'bmp', width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) };
}

function boxesHeader(format: 'avif' | 'heic', head: Uint8Array, isWhole: boolean): PictureHeader | undefined {
  const { width, height } = imageBoxes(head);
  if (width > 0) return { format, width, height };
  more(isWhole);
  return;
}

/** Walk the segments up to the frame header (SOF0 to SOF15; C4, C8 and CC are other things). */
function jpegHeader(head: Uint8Array, isWhole: boolean): PictureHeader | undefined {
  const view = viewOf(head);
  let at = 2;
  for (;;) {
    while (at + 1 < head.length && head[at] === 0xff && head[at + 1] === 0xff) at++; // fill bytes, §B.1.1.2
    if (at + 9 > head.length) {
      more(isWhole);
      return;
    }
    if (head[at] !== 0xff) throw new Problem('media.damaged');
    const marker = view.getUint8(at + 1);
    if (isFrameHeader(marker)) {
      return { format: 'jpeg', height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    if (marker === 0xd9 || marker === 0xda) throw new Problem('media.damaged'); // picture data before its size
    at += 2 + (isBareMarker(marker) ? 0 : view.getUint16(at + 2));
  }
}

function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

function isBareMarker(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
}

function more(isWhole: boolean): undefined {
  if (isWhole) throw new Problem('media.truncated');
  return undefined;
}

function startsWith(head: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => head[i] === byte);
}

function text(head: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...head.subarray(from, to));
}

function viewOf(head: Uint8Array): DataView {
  return new DataView(head.buffer, head.byteOffset, head.byteLength);
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}
