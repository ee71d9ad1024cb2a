/**
 * Frames of an animation beside its first: the same ones, under the same limits, as src/takeback/hashing/animation.py
 * takes. Where the browser cannot step through an animation, there are none.
 */
import { upright } from '../core/exif.ts';
import type { RgbaPixels } from '../core/pdq.ts';
import type { PictureFormat } from '../core/sniff.ts';
import { readPixels, type PictureFile } from './pixels.ts';

/** How far into an animation frames are looked for, in frames and in pixels of a frame times frames. */
const MAX_FRAMES = 300;
const MAX_ANIMATION_PIXELS = 40_000_000;
const PARTS = 4;

const ANIMATED: Partial<Record<PictureFormat, string>> = {
  gif: 'image/gif',
  png: 'image/png',
  webp: 'image/webp',
  avif: 'image/avif',
};

/** Which frames beside frame 0, of so many that may be reached. */
export function frameNumbers(frames: number): number[] {
  const numbers = [1, 2, 3].map((part) => Math.floor((frames * part) / PARTS));
  return [...new Set(numbers)].filter((number) => number > 0);
}

/**
 * One frame at a time, to spare memory. A frame that cannot be read ends them without an error.
 *
 * @param framePixels pixels of one frame.
 */
export async function* furtherFrames(picture: PictureFile, framePixels: number): AsyncGenerator<RgbaPixels> {
  const type = ANIMATED[picture.format];
  if (type === undefined || !('ImageDecoder' in globalThis)) return;
  const decoder = new ImageDecoder({
    data: await picture.file.arrayBuffer(),
    type,
    colorSpaceConversion: 'none',
    preferAnimation: true,
  });
  try {
    for (const frameIndex of frameNumbers(await framesIn(decoder, framePixels))) {
      const { image } = await decoder.decode({ frameIndex });
      try {
        const pixels = readPixels(image, image.displayWidth, image.displayHeight);
        yield picture.format === 'webp' ? upright(pixels, picture.orientation) : pixels;
      } finally {
        image.close();
      }
    }
  } catch {
    return; // the first frame, which everybody sees, could be read
  } finally {
    decoder.close();
  }
}

async function framesIn(decoder: ImageDecoder, framePixels: number): Promise<number> {
  await decoder.tracks.ready;
  await decoder.completed;
  const frames = decoder.tracks.selectedTrack?.frameCount ?? 1;
  return Math.min(frames, MAX_FRAMES, Math.floor(MAX_ANIMATION_PIXELS / framePixels));
}
