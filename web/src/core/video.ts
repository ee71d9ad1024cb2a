/**
 * Which pictures stand for a video, and the text they make. Pure; the same choices as src/takeback/hashing/video/choose.py
 * and the same text as src/takeback/model/video.py.
 *
 * Source: docs/video.md §1, §2, §5 and §6; docs/protocol/feed-v1.md §1.1.
 */
import { fromHex } from './bytes.ts';
import { MIN_QUALITY } from './fingerprint.ts';
import type { PdqHash } from './pdq.ts';

export const TICKS_A_SECOND = 4;
export const MAX_FRAMES = 512;
export const MAX_DURATION_S = 16_384;
const MAX_DURATION_CLASS = 14;
const MAX_MAIN = 384;
const MAX_SCENES = MAX_FRAMES - MAX_MAIN;
/** Neighbours further apart are looked between: as far as a platform still looks at two pictures as one. */
const SCENE_BITS = 60;
const STABLE_BITS = 31;
const THIN_BITS = 10;
/** A video of up to so many seconds is short: its times are finer, and each of them is a main picture's. */
const SHORT_S = 4;
const SHORT_TICKS_A_SECOND = 8;
/** With fewer frames than this, weak ones are listed too, but none that is black or flat. */
const FEW_FRAMES = 4;
const FEW_SHORT_FRAMES = 8;
const WEAK_QUALITY = 20;
const MIN_FRAME_QUALITY = 8;
/** Bits that are set in every PDQ but those of flat and of symmetrical pictures. */
const ONES = 128;
const NO_BITS = '0'.repeat(64);
/** Key pictures are at least so many ticks of a short video apart. */
const SHORT_KEY_STEP = SHORT_TICKS_A_SECOND / 2;
/** The calm of a main picture that is alone. */
const ALONE_BITS = 128;
/** Closer to the picture before or after it, it is a still. */
const STILL_BITS = 4;
const MOST_ASKED_FOR_BARS = 16;
const KEY_PICTURES = 4;

/** A picture that was hashed; `tick`: quarters of a second from the first picture, eighths in a short video. */
export interface Seen {
  readonly tick: number;
  readonly hash: PdqHash;
}

/** How many bits two values of 64 hexadecimal digits differ in. */
export function bitsBetween(one: string, other: string): number {
  let bits = 0;
  for (let at = 0; at < one.length; at += 8) {
    let rest = Number.parseInt(one.slice(at, at + 8), 16) ^ Number.parseInt(other.slice(at, at + 8), 16);
    for (; rest !== 0; rest &= rest - 1) bits++;
  }
  return bits;
}

/** Whether a video is so short that its times are counted in eighths. */
export function isShort(durationS: number): boolean {
  return durationS <= SHORT_S;
}

/** What a video's ticks are. */
export function ticksASecond(durationS: number): number {
  return isShort(durationS) ? SHORT_TICKS_A_SECOND : TICKS_A_SECOND;
}

/** The ticks at which main pictures are taken. */
export function mainTicks(durationS: number): number[] {
  const ticks = Math.max(1, Math.ceil(Math.min(durationS, MAX_DURATION_S) * ticksASecond(durationS)));
  const step = isShort(durationS) ? 1 : Math.max(TICKS_A_SECOND, Math.ceil(ticks / MAX_MAIN));
  return Array.from({ length: Math.ceil(ticks / step) }, (_, i) => i * step);
}

/** Where to look for the beginning of a scene, for each main picture: no ticks, or the three before the next one. */
export function ticksBetween(main: readonly Seen[], durationS: number): number[][] {
  return main.map((before, i) => {
    const after = main[i + 1];
    if (isShort(durationS) || after === undefined) return [];
    if (bitsBetween(before.hash.value, after.hash.value) <= SCENE_BITS) return [];
    const step = after.tick - before.tick;
    return [1, 2, 3].map((part) => before.tick + Math.floor((part * step) / 4));
  });
}

/** The first stable picture of a scene that begins between two main pictures. */
export function stablePicture(before: Seen, between: readonly Seen[], after: Seen): Seen | undefined {
  return between.find((one, i) => {
    const following = between[i + 1] ?? after;
    return (
      one.hash.quality >= MIN_QUALITY &&
      bitsBetween(one.hash.value, following.hash.value) <= STABLE_BITS &&
      bitsBetween(one.hash.value, before.hash.value) > STABLE_BITS
    );
  });
}

/** The frames of a value, from main pictures and the first stable pictures of scenes; weak ones if there are few. */
export function framesToRegister(main: readonly Seen[], scenes: readonly Seen[], durationS: number): Seen[] {
  const few =
    scenes.length > MAX_SCENES
      ? Array.from({ length: MAX_SCENES }, (_, i) => scenes[Math.floor((i * scenes.length) / MAX_SCENES)])
      : scenes;
  const ordered = [...few, ...main].filter((seen) => seen !== undefined).sort((a, b) => a.tick - b.tick);
  const enough = isShort(durationS) ? FEW_SHORT_FRAMES : FEW_FRAMES;
  for (const minQuality of [MIN_QUALITY, WEAK_QUALITY]) {
    const kept = thinned(ordered, minQuality);
    if (kept.length >= enough) return kept;
  }
  return thinned(ordered, MIN_FRAME_QUALITY);
}

/** Without those of a lower quality, and those that repeat the last one kept. */
function thinned(seen: readonly Seen[], minQuality: number): Seen[] {
  const kept: Seen[] = [];
  for (const one of seen) {
    const last = kept.at(-1);
    if (one.hash.quality < minQuality || isFlat(one)) continue;
    if (last === undefined || bitsBetween(one.hash.value, last.hash.value) > THIN_BITS) kept.push(one);
  }
  return kept;
}

/** A weak picture whose bits were cut at ties. */
function isFlat({ hash }: Seen): boolean {
  return hash.quality < WEAK_QUALITY && bitsBetween(hash.value, NO_BITS) !== ONES;
}

/** The one text of a video; undefined if no picture says anything. */
export function videoValue(durationS: number, frames: readonly Seen[]): string | undefined {
  if (frames.length === 0) return undefined;
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const body = frames.map(({ tick, hash }) => hash.value + hex(tick, 4) + hex(hash.quality, 2));
  return hex(durationClassOf(durationS), 2) + hex(frames.length, 4) + body.join('');
}

/** n for a video of more than 2^(n-1) and at most 2^n seconds. */
export function durationClassOf(durationS: number): number {
  const wholeS = Math.ceil(durationS);
  return Math.min(MAX_DURATION_CLASS, wholeS <= 1 ? 0 : Math.ceil(Math.log2(wholeS)));
}

/** How many frames a value holds. */
export function frameCount(value: string): number {
  return fromHex(value.slice(2, 6)).reduce((number, byte) => number * 256 + byte, 0);
}

/** Every how many main pictures one is asked whether it has bars. */
export function barsEvery(mainCount: number): number {
  return Math.max(1, Math.ceil(mainCount / MOST_ASKED_FOR_BARS));
}

/** A key picture as long as nothing calmer has been seen in its part of the video. */
interface Candidate<Picture> {
  readonly bits: number;
  readonly picture: Picture;
}

/**
 * Finds the calmest main picture of each quarter while they pass: the one nearest to the picture that follows it. Stills
 * only if the video is nothing else: they are often title cards. Weak ones likewise.
 */
export class KeyPictures<Picture> {
  readonly #ticks: number;
  readonly #step: number;
  readonly #best: (Candidate<Picture> | undefined)[] = Array.from({ length: KEY_PICTURES }, () => undefined);
  readonly #still: (Candidate<Picture> | undefined)[] = Array.from({ length: KEY_PICTURES }, () => undefined);
  readonly #weak: (Candidate<Picture> | undefined)[] = Array.from({ length: KEY_PICTURES }, () => undefined);
  #lastBits = ALONE_BITS;
  #beforeBits = ALONE_BITS;
  #last: { readonly seen: Seen; readonly picture: Picture } | undefined;

  /** @param durationS how long the video is. */
  constructor(durationS: number) {
    this.#ticks = Math.min(durationS, MAX_DURATION_S) * ticksASecond(durationS);
    this.#step = isShort(durationS) ? SHORT_KEY_STEP : 1;
  }

  /** The next main picture. */
  pass(seen: Seen, picture: Picture): void {
    if (seen.tick % this.#step !== 0) return;
    if (this.#last !== undefined) {
      this.#lastBits = bitsBetween(this.#last.seen.hash.value, seen.hash.value);
      this.#judge(this.#lastBits);
      this.#beforeBits = this.#lastBits;
    }
    this.#last = { seen, picture };
  }

  /** Those that were found, in order. To be asked when all have passed. */
  found(): Picture[] {
    this.#judge(this.#lastBits);
    this.#last = undefined;
    for (const kept of [this.#best, this.#still, this.#weak]) {
      const found = kept.filter((one) => one !== undefined).map(({ picture }) => picture);
      if (found.length > 0) return found;
    }
    return [];
  }

  #judge(bits: number): void {
    const last = this.#last;
    if (last === undefined || last.seen.hash.quality < WEAK_QUALITY) return;
    const part = Math.min(KEY_PICTURES - 1, Math.floor((last.seen.tick * KEY_PICTURES) / this.#ticks));
    const moving = Math.min(bits, this.#beforeBits) > STILL_BITS ? this.#best : this.#still;
    const kept = last.seen.hash.quality < MIN_QUALITY ? this.#weak : moving;
    const best = kept[part];
    if (best === undefined || bits < best.bits) kept[part] = { bits, picture: last.picture };
  }
}
