/**
 * Arithmetic that gives the same last bit here and in Python (src/takeback/hashing/regions/exact.py).
 *
 * JavaScript does not promise the last digit of exp, atan2, sin or cos, and one bit there may turn a region's edge into
 * another pixel. So: only + - * / and truncation in double precision, in the same fixed order on both sides.
 */

const LN_2 = 0.6931471805599453;
const EXP_TERMS = 14;

/** e to the x, for x from -12 to 4: Taylor at x/16, squared four times. */
export function exp(x: number): number {
  const part = x / 16;
  let total = 1;
  for (let n = EXP_TERMS; n > 0; n--) total = 1 + (part * total) / n;
  for (let k = 0; k < 4; k++) total = total * total;
  return total;
}

/** 2 to the x, in the range of `exp`. */
export function exp2(x: number): number {
  return exp(x * LN_2);
}

/** Cosine and sine, for an angle of -8 to 8 radians: Taylor within an eighth of a turn. */
export function cosSin(angle: number): { cosine: number; sine: number } {
  const quarter = Math.trunc(angle / (Math.PI / 2) + 8.5) - 8;
  const x = angle - quarter * (Math.PI / 2);
  const square = x * x;
  let cosine = 1;
  let sine = 1;
  for (let n = 8; n > 0; n--) {
    cosine = 1 - (square / ((2 * n - 1) * (2 * n))) * cosine;
    sine = 1 - (square / (2 * n * (2 * n + 1))) * sine;
  }
  sine = sine * x;
  switch (quarter & 3) {
    case 1:
      return { cosine: -sine, sine: cosine };
    case 2:
      return { cosine: -cosine, sine: -sine };
    case 3:
      return { cosine: sine, sine: -cosine };
    default:
      return { cosine, sine };
  }
}

/**
 * Direction of a vector as a part of a full turn, 0 to 1.
 *
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 4.4.49.
 */
export function turns(y: number, x: number): number {
  const across = Math.abs(x);
  const along = Math.abs(y);
  const steep = along > across;
  const ratio = steep ? across / along : across > 0 ? along / across : 0;
  const square = ratio * ratio;
  let series = 0.0208351 * square - 0.085133;
  series = series * square + 0.180141;
  series = series * square - 0.3302995;
  series = series * square + 0.999866;
  let angle = (series * ratio) / (2 * Math.PI);
  if (steep) angle = 0.25 - angle;
  if (x < 0) angle = 0.5 - angle;
  if (y < 0) angle = 1 - angle;
  return angle;
}
