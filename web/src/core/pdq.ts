/**
 * PDQ: 256 bits that stay nearly the same when a picture is resized, recompressed or filtered.
 *
 * Equal to the Python kernels and to the industry's clients in every bit and in quality, on the same pixels;
 * vectors/pdq-v1.json holds all three together. To be equal, every sum is rounded to float32 at every step and in the
 * reference's order. A double-precision sum, product or quotient of float32 values rounded to float32 is what float32
 * arithmetic gives, so `Math.fround` and `Float32Array` are all it takes.
 *
 * Source: PDQ reference implementation (facebook/ThreatExchange, pdq/cpp).
 */
import { toHex } from './bytes.ts';

/** Pixels as a canvas gives them: four bytes each (red, green, blue, alpha; not premultiplied), row by row. */
export interface RgbaPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray | Uint8Array;
}

/** `value`: 64 lower-case hexadecimal digits, bit 255 first; `quality`: 0 to 100, below 50 says nothing. */
export interface PdqHash {
  readonly value: string;
  readonly quality: number;
}

const SIDE = 64;
const BITS_SIDE = 16;
const BITS = 256;
/** Smaller pictures hash to zeros with quality 0. Source: PDQ reference, MIN_HASHABLE_DIM. */
const MIN_SIDE_PX = 5;
/** From coded luma of limited range to 0 to 255. */
const EXPANSION = Math.fround(255 / 219);

/** Fills a row of luma. */
type FillRow = (y: number, out: Float32Array) => void;

/** Where the signs of the transform change for each position, and whether rows become columns. */
const FORMS: readonly { negate: (i: number, j: number) => boolean; turned: boolean }[] = [
  { negate: () => false, turned: false },
  { negate: (_, j) => j % 2 === 0, turned: true },
  { negate: (i, j) => (i + j) % 2 === 1, turned: false },
  { negate: (i) => i % 2 === 0, turned: true },
  { negate: (i) => i % 2 === 0, turned: false },
  { negate: (_, j) => j % 2 === 0, turned: false },
  { negate: () => false, turned: true },
  { negate: (i, j) => (i + j) % 2 === 1, turned: true },
];

/** Hash a picture as it is. Transparent pixels count as on white. */
export function pdqOf(pixels: RgbaPixels): PdqHash {
  return hashes(pixels, FORMS.slice(0, 1))[0] ?? blankHash();
}

/**
 * Hash a picture in all eight positions, from one transform: as it is, turned by 90, 180 and 270 degrees, mirrored about
 * the horizontal and the vertical axis, and about each diagonal.
 */
export function pdqFormsOf(pixels: RgbaPixels): PdqHash[] {
  return hashes(pixels, FORMS);
}

/** One grey value a pixel, 0 to 255, row by row. */
export interface GreyPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * Hash the luma of a video's picture as it was coded (docs/video.md §3).
 *
 * @param fullRange whether 0 is black and 255 white, not 16 and 235. It changes the quality, not the bits.
 */
export function pdqOfLuma({ width, height, data }: GreyPixels, fullRange: boolean): PdqHash {
  if (width < MIN_SIDE_PX || height < MIN_SIDE_PX) return blankHash();
  const row: FillRow = (y, out) => {
    out.set(data.subarray(y * width, (y + 1) * width));
  };
  const small = shrink(width, height, row);
  if (!fullRange) small.forEach((level, i) => (small[i] = Math.fround(level - 16) * EXPANSION));
  return { value: bitsOf(transform(small)), quality: qualityOf(small) };
}

function blankHash(): PdqHash {
  return { value: '0'.repeat(BITS / 4), quality: 0 };
}

function hashes(pixels: RgbaPixels, forms: typeof FORMS): PdqHash[] {
  if (pixels.width < MIN_SIDE_PX || pixels.height < MIN_SIDE_PX) return forms.map(blankHash);
  const small = shrink(pixels.width, pixels.height, (y, out) => {
    lumaRow(pixels, y, out);
  });
  const quality = qualityOf(small);
  const transformed = transform(small);
  return forms.map((form) => ({ value: bitsOf(moved(transformed, form)), quality }));
}

/** One row of luma: weighted in double precision and rounded once, as the industry's Python clients do. */
function lumaRow({ data, width }: RgbaPixels, y: number, out: Float32Array): void {
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
    out[x] = red * 0.299 + green * 0.587 + blue * 0.114;
  }
}

function overWhite(value: number, alpha: number): number {
  return Math.trunc((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

/** A box window: how wide, how far it reaches ahead of the place it is for. */
interface Box {
  readonly length: number;
  readonly window: number;
  readonly ahead: number;
}

function boxFor(length: number): Box {
  const window = Math.floor((length + 127) / 128);
  return { length, window, ahead: Math.floor((window + 2) / 2) - 1 };
}

/** How many values the window covers at a place: fewer at both ends. */
function coveredAt({ length, window, ahead }: Box, at: number): number {
  return Math.min(length, at + ahead + 1) - Math.max(0, at + ahead + 1 - window);
}

/** Where the 64 samples are taken. */
function samplePositions(length: number): Int32Array {
  return Int32Array.from({ length: SIDE }, (_, i) => Math.trunc(((i + 0.5) * length) / SIDE));
}

/** Box blur of one row: a running sum that is never recomputed, because rounding depends on its history. */
function blurRow(row: Float32Array, box: Box, out: Float32Array): void {
  const { length, window, ahead } = box;
  let sum = 0;
  for (let x = 0; x < length + ahead; x++) {
    if (x < length) sum = Math.fround(sum + row[x]!);
    if (x >= window) sum = Math.fround(sum - row[x - window]!);
    if (x >= ahead) out[x - ahead] = sum / coveredAt(box, x - ahead);
  }
}

/**
 * Box blur along columns of rows that arrive one after the other; only as many are kept as the window is high, so a
 * large picture needs little memory.
 *
 * @param nextRow fills the row it is given with row y.
 * @param useRow is shown each blurred row, in order; the array is reused.
 */
function blurColumns(
  width: number,
  box: Box,
  nextRow: (y: number, out: Float32Array) => void,
  useRow: (y: number, row: Float32Array) => void,
): void {
  const { length, window, ahead } = box;
  const kept = Array.from({ length: window + 1 }, () => new Float32Array(width));
  const sums = new Float32Array(width);
  const blurred = new Float32Array(width);
  for (let y = 0; y < length + ahead; y++) {
    const entering = kept[y % kept.length]!;
    if (y < length) {
      nextRow(y, entering);
      for (let x = 0; x < width; x++) sums[x] = sums[x]! + entering[x]!;
    }
    if (y >= window) {
      const leaving = kept[(y - window) % kept.length]!;
      for (let x = 0; x < width; x++) sums[x] = sums[x]! - leaving[x]!;
    }
    if (y >= ahead) {
      const covered = coveredAt(box, y - ahead);
      for (let x = 0; x < width; x++) blurred[x] = sums[x]! / covered;
      useRow(y - ahead, blurred);
    }
  }
}

/** Luma, two box blurs along each axis, and the 64×64 samples; a picture that is 64×64 already is not blurred. */
function shrink(width: number, height: number, fillLuma: FillRow): Float32Array {
  const small = new Float32Array(SIDE * SIDE);
  if (width === SIDE && height === SIDE) {
    for (let y = 0; y < SIDE; y++) fillLuma(y, small.subarray(y * SIDE, (y + 1) * SIDE));
    return small;
  }
  const across = boxFor(width);
  const down = boxFor(height);
  const columns = samplePositions(width);
  const strip = new Float32Array(height * SIDE);
  const luma = new Float32Array(width);
  const twice = new Float32Array(width);
  const firstBlur = (y: number, out: Float32Array): void => {
    fillLuma(y, luma);
    blurRow(luma, across, out);
  };
  blurColumns(width, down, firstBlur, (y, row) => {
    blurRow(row, across, twice);
    for (let j = 0; j < SIDE; j++) strip[y * SIDE + j] = twice[columns[j]!]!;
  });
  const rows = samplePositions(height);
  let next = 0;
  const stripRow = (y: number, out: Float32Array): void => {
    out.set(strip.subarray(y * SIDE, (y + 1) * SIDE));
  };
  blurColumns(SIDE, down, stripRow, (y, row) => {
    for (; next < SIDE && rows[next] === y; next++) small.set(row, next * SIDE);
  });
  return small;
}

/** How much structure there is: quantised differences of neighbours, so that many tiny ones do not add up. */
function qualityOf(small: Float32Array): number {
  let total = 0;
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const here = small[y * SIDE + x]!;
      if (y < SIDE - 1) total += gradient(here, small[(y + 1) * SIDE + x]!);
      if (x < SIDE - 1) total += gradient(here, small[y * SIDE + x + 1]!);
    }
  }
  return Math.min(Math.floor(total / 90), 100);
}

function gradient(a: number, b: number): number {
  return Math.abs(Math.trunc(Math.fround(Math.fround(Math.fround(a - b) * 100) / 255)));
}

/** Rows 1 to 16 of the 64-point DCT-II, in float32; row 0, the mean, is left out. */
function dctMatrix(): Float32Array {
  const scale = Math.fround(Math.sqrt(2 / SIDE));
  const step = Math.PI / 2 / SIDE;
  return Float32Array.from({ length: BITS_SIDE * SIDE }, (_, at) => {
    const i = Math.floor(at / SIDE);
    const j = at % SIDE;
    return scale * Math.cos(step * (i + 1) * (2 * j + 1));
  });
}

/** D A Dᵀ, 16×16. */
function transform(small: Float32Array): Float32Array {
  const matrix = dctMatrix();
  const half = new Float32Array(BITS_SIDE * SIDE);
  for (let i = 0; i < BITS_SIDE; i++) {
    for (let k = 0; k < SIDE; k++) {
      const weight = matrix[i * SIDE + k]!;
      for (let j = 0; j < SIDE; j++) {
        half[i * SIDE + j] = half[i * SIDE + j]! + Math.fround(weight * small[k * SIDE + j]!);
      }
    }
  }
  const full = new Float32Array(BITS);
  for (let i = 0; i < BITS_SIDE; i++) {
    for (let j = 0; j < BITS_SIDE; j++) {
      let sum = 0;
      for (let k = 0; k < SIDE; k++) {
        sum = Math.fround(sum + Math.fround(half[i * SIDE + k]! * matrix[j * SIDE + k]!));
      }
      full[i * BITS_SIDE + j] = sum;
    }
  }
  return full;
}

/** The transform of the picture in another position. */
function moved(transformed: Float32Array, form: (typeof FORMS)[number]): Float32Array {
  const out = new Float32Array(BITS);
  for (let i = 0; i < BITS_SIDE; i++) {
    for (let j = 0; j < BITS_SIDE; j++) {
      const value = transformed[i * BITS_SIDE + j]!;
      out[form.turned ? j * BITS_SIDE + i : i * BITS_SIDE + j] = form.negate(i, j) ? -value : value;
    }
  }
  return out;
}

/** Bit 16 i + j says whether a coefficient is above the median, the lower of the two middle values. */
function bitsOf(transformed: Float32Array): string {
  const median = transformed.slice().sort()[BITS / 2 - 1]!;
  const bytes = new Uint8Array(BITS / 8);
  transformed.forEach((value, bit) => {
    const at = BITS / 8 - 1 - (bit >> 3);
    if (value > median) bytes[at] = bytes[at]! | (1 << (bit & 7));
  });
  return toHex(bytes);
}
