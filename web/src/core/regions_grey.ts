/** From pixels to the grey working picture: luma, then an exact area average or a linear enlargement. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- Kernels read typed arrays by computed index; a check at every pixel would cost more than the sum it guards. */
import type { RgbaPixels } from './pdq.ts';

/** Grey values from 0 to 255, row by row. */
export interface Grey {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

const MIN_SIDE = 16;

interface Spans {
  readonly taps: number;
  readonly first: Int32Array;
  readonly weights: Float64Array;
}

/** Bring a picture to grey and to its working size. Transparent pixels count as on white. */
export function workingPicture(pixels: RgbaPixels, longSidePx: number): Grey {
  const scale = longSidePx / Math.max(pixels.height, pixels.width);
  const height = Math.max(MIN_SIDE, Math.trunc(pixels.height * scale + 0.5));
  const width = Math.max(MIN_SIDE, Math.trunc(pixels.width * scale + 0.5));
  return alongColumns(alongRows(pixels, width), width, pixels.height, height);
}

/**
 * For each output position the first input position and the weights from there on. Shrinking: output i is the average
 * over [i m/n, (i+1) m/n). Enlarging: linear between half-pixel centres.
 */
function spans(length: number, outLength: number): Spans {
  const step = length / outLength;
  const taps = Math.trunc(step) + 2;
  const first = new Int32Array(outLength);
  const weights = new Float64Array(outLength * taps);
  for (let i = 0; i < outLength; i++) {
    if (step > 1) {
      const start = i * step;
      const end = (i + 1) * step;
      const low = Math.min(Math.trunc(start), length - 1);
      first[i] = low;
      for (let k = 0; k < taps; k++) {
        const covered = Math.min(end, low + k + 1) - Math.max(start, low + k);
        if (covered > 0 && low + k < length) weights[i * taps + k] = covered / step;
      }
    } else {
      const centre = Math.min(Math.max((i + 0.5) * step - 0.5, 0), length - 1);
      const low = Math.min(Math.trunc(centre), Math.max(length - 2, 0));
      first[i] = low;
      weights[i * taps] = 1 - (centre - low);
      if (length > 1) weights[i * taps + 1] = centre - low;
    }
  }
  return { taps, first, weights };
}

function overWhite(value: number, alpha: number): number {
  return Math.trunc((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

function lumaRow({ data, width }: RgbaPixels, y: number, out: Float64Array): void {
  for (let x = 0, at = 4 * y * width; x < width; x++, at += 4) {
    const alpha = data[at + 3]!;
    let red = data[at]!;
    let green = data[at + 1]!;
    let blue = data[at + 2]!;
    if (alpha !== 255) {
      red = overWhite(red, alpha);
      green = overWhite(green, alpha);
      blue = overWhite(blue, alpha);
    }
    out[x] = 0.299 * red + 0.587 * green + 0.114 * blue;
  }
}

function alongRows(pixels: RgbaPixels, outWidth: number): Float64Array {
  const { taps, first, weights } = spans(pixels.width, outWidth);
  const lines = new Float64Array(pixels.height * outWidth);
  const luma = new Float64Array(pixels.width);
  for (let y = 0; y < pixels.height; y++) {
    lumaRow(pixels, y, luma);
    for (let x = 0; x < outWidth; x++) {
      const start = first[x]!;
      const count = Math.min(taps, pixels.width - start);
      let total = 0;
      for (let k = 0; k < count; k++) total += weights[x * taps + k]! * luma[start + k]!;
      lines[y * outWidth + x] = total;
    }
  }
  return lines;
}

function alongColumns(lines: Float64Array, width: number, height: number, outHeight: number): Grey {
  const { taps, first, weights } = spans(height, outHeight);
  const data = new Float32Array(outHeight * width);
  const total = new Float64Array(width);
  for (let y = 0; y < outHeight; y++) {
    total.fill(0);
    const start = first[y]!;
    const count = Math.min(taps, height - start);
    for (let k = 0; k < count; k++) {
      const weight = weights[y * taps + k]!;
      const at = (start + k) * width;
      for (let x = 0; x < width; x++) total[x]! += weight * lines[at + x]!;
    }
    data.set(total, y * width);
  }
  return { width, height: outHeight, data };
}
