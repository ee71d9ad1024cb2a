/**
 * From a picture file to its pixels, as the other side of the project sees them: upright (EXIF orientation applied by
 * the decoder), colour profiles ignored, transparency on white.
 */
import { upright } from '../core/exif.ts';
import type { RgbaPixels } from '../core/pdq.ts';
import { Problem } from '../core/problem.ts';
import type { PictureFormat, PictureLimits } from '../core/sniff.ts';

/** A file, and what its first bytes have already told of it. */
export interface PictureFile {
  readonly file: Blob;
  readonly format: PictureFormat;
  readonly orientation: number;
}

/** Pixels are read through a canvas of at most this many: Safari's canvases end at 16 million. */
const STRIP_PIXELS = 4_000_000;

/**
 * Decode a picture at full size. The pixels are opaque.
 *
 * @throws Problem `media.damaged` when the decoder refuses it (a file that ends early included), `media.heic` when that
 *   is a HEIC, which most browsers do not read at all, `media.too_large` when it is larger than its header said or the device has no room for it.
 */
export async function decodePixels(picture: PictureFile, limits: PictureLimits): Promise<RgbaPixels> {
  const bitmap = await decoded(picture);
  try {
    const { width, height } = bitmap;
    if (width * height > limits.maxPixels) throw new Problem('media.too_large');
    const pixels = readPixels(bitmap, width, height);
    return turnsItself(picture.format) ? pixels : upright(pixels, picture.orientation);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('media.too_large'); // no canvas or no memory of that size on this device
  } finally {
    bitmap.close();
  }
}

/** Browsers do not agree on whether to follow the note in a WebP (Chromium does not), so there we do it ourselves. */
function turnsItself(format: PictureFormat): boolean {
  return format !== 'webp';
}

async function decoded({ file, format }: PictureFile): Promise<ImageBitmap> {
  const imageOrientation = turnsItself(format) ? 'from-image' : 'none';
  try {
    return await createImageBitmap(file, { imageOrientation, colorSpaceConversion: 'none' });
  } catch {
    throw new Problem(format === 'heic' ? 'media.heic' : 'media.damaged');
  }
}

/** Read what a canvas can draw, on white. */
export function readPixels(source: ImageBitmap | VideoFrame, width: number, height: number): RgbaPixels {
  const stripHeight = Math.min(height, Math.max(1, Math.floor(STRIP_PIXELS / width)));
  const canvas = new OffscreenCanvas(width, stripHeight);
  // An opaque canvas cannot round colours through an alpha channel, and `willReadFrequently` keeps it off the GPU.
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  if (context === null) throw new Problem('media.too_large');
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let top = 0; top < height; top += stripHeight) {
    const rows = Math.min(stripHeight, height - top);
    context.fillStyle = '#fff';
    context.fillRect(0, 0, width, stripHeight);
    context.drawImage(source, 0, -top);
    rgba.set(context.getImageData(0, 0, width, rows).data, 4 * width * top);
  }
  return { data: rgba, width, height };
}
