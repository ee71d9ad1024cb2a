/**
 * The luma of a video's picture as it was coded, upright, and what is cut out of it. In whole numbers as in
 * src/takeback/hashing/video/luma.py.
 *
 * Source: docs/video.md §3, §5 and §6.
 */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- Kernels read typed arrays by computed index; a check at every pixel would cost more than the sum it guards. */
import type { GreyPixels, RgbaPixels } from './pdq.ts';
import { contentBoxesOfGrey, cutGrey, type Box } from './variants.ts';

const SMALL_SIDE_PX = 512;
const SAME_SHARE_PERCENT = 98;
const LEAST_SIDE_PX = 48;
/** More pictures than one in so many without bars: then there are none. */
const ONE_IN = 8;
/** On each side one picture in so many ends within so many pixels of where the bars begin: dark things end anywhere. */
const AGREE_ONE_IN = 3;
const NEAR_PX = 2;

/** `fullRange`: whether 0 is black and 255 white, not 16 and 235. */
export interface Luma {
  readonly pixels: GreyPixels;
  readonly fullRange: boolean;
}

/** Turn a picture by so many quarters, clockwise. */
export function turned(grey: GreyPixels, quarters: number): GreyPixels {
  const { width, height, data } = grey;
  const turns = ((quarters % 4) + 4) % 4;
  if (turns === 0) return grey;
  const out = new Uint8Array(data.length);
  const size = turns === 2 ? { width, height } : { width: height, height: width };
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0; x < width; x++, from++) out[placeOf(x, y, turns, grey)] = data[from]!;
  }
  return { ...size, data: out };
}

function placeOf(x: number, y: number, turns: number, { width, height }: GreyPixels): number {
  if (turns === 2) return (height - 1 - y) * width + (width - 1 - x);
  return turns === 1 ? x * height + (height - 1 - y) : (width - 1 - x) * height + y;
}

/** The picture shrunk by the largest whole factor that leaves 512 pixels of the longer side. */
export function smallLuma({ pixels, fullRange }: Luma): Luma {
  const longSide = Math.max(pixels.width, pixels.height);
  const factor = Math.max(1, Math.min(Math.floor(longSide / SMALL_SIDE_PX), pixels.width, pixels.height));
  const width = Math.floor(pixels.width / factor);
  const height = Math.floor(pixels.height / factor);
  const count = factor * factor;
  const data = new Uint8Array(width * height);
  const sums = new Int32Array(width);
  for (let y = 0; y < height; y++) {
    sums.fill(Math.floor(count / 2));
    for (let row = y * factor; row < (y + 1) * factor; row++) {
      let at = row * pixels.width;
      for (let x = 0; x < width; x++) for (let k = 0; k < factor; k++, at++) sums[x]! += pixels.data[at]!;
    }
    for (let x = 0; x < width; x++) data[y * width + x] = Math.floor(sums[x]! / count);
  }
  return { pixels: { width, height, data }, fullRange };
}

/** A part of a picture. */
export function cutLuma({ pixels, fullRange }: Luma, box: Box): Luma {
  return { pixels: cutGrey(pixels, box), fullRange };
}

/** What is left of a small picture without bars; undefined where there are none. */
export function outermostBox({ pixels }: Luma): Box | undefined {
  return contentBoxesOfGrey(pixels)[0];
}

/** The box that holds every picture of a video, if it has bars: from the boxes of some, `undefined` for a whole one. */
export function boxOfAll(boxes: readonly (Box | undefined)[], small: GreyPixels): Box | undefined {
  const inner = boxes.filter((box) => box !== undefined);
  if (inner.length === 0 || (boxes.length - inner.length) * ONE_IN > boxes.length) return undefined;
  const box = {
    left: Math.min(...inner.map(({ left }) => left)),
    top: Math.min(...inner.map(({ top }) => top)),
    right: Math.max(...inner.map(({ right }) => right)),
    bottom: Math.max(...inner.map(({ bottom }) => bottom)),
  };
  const agree = (side: keyof Box) =>
    inner.filter((one) => Math.abs(one[side] - box[side]) <= NEAR_PX).length * AGREE_ONE_IN >= inner.length;
  if (!agree('left') || !agree('top') || !agree('right') || !agree('bottom')) return undefined;
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  const nearlyWhole = width * height * 100 > small.width * small.height * SAME_SHARE_PERCENT;
  return nearlyWhole || Math.min(width, height) < LEAST_SIDE_PX ? undefined : box;
}

/** A grey picture with 0 for black and 255 for white, for regions. */
export function expanded({ pixels, fullRange }: Luma): RgbaPixels {
  const { width, height } = pixels;
  const data = new Uint8Array(4 * width * height);
  pixels.data.forEach((level, i) => {
    const wide = fullRange ? level : Math.min(255, Math.max(0, Math.floor(((level - 16) * 255) / 219 + 0.5)));
    data.fill(wide, 4 * i, 4 * i + 3);
    data[4 * i + 3] = 255;
  });
  return { width, height, data };
}
