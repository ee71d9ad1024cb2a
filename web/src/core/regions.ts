/**
 * Region hashes: they find a copy that was cropped, turned, written over or photographed inside an interface. Here is the
 * side that registers a picture; platforms ask with the Python side (src/takeback/hashing/regions), which finds the same
 * regions, bit for bit, in the same pixels. vectors/regions-v1.json holds both to it; docs/fingerprints.md explains.
 */
import { toHex } from './bytes.ts';
import type { RgbaPixels } from './pdq.ts';
import { type Grey, workingPicture } from './regions_grey.ts';
import { type Keypoint, keypointsIn, orientations } from './regions_keypoints.ts';
import { cosines, hashPatch, PATCH_SIDE } from './regions_patch.ts';
import { nextBase, octaveBase, octaveLevels, patchPyramid } from './regions_scale_space.ts';

const LONG_SIDE_PX = 512;
const OCTAVES = 4;
const MIN_RADIUS_PX = 16;
const LARGE_PX = 32;

/** Most regions of one picture on a list, and how many of them are large ones. */
export const MAX_REGISTERED = 96;
const REGISTERED_LARGE = 48;

interface Region {
  readonly value: string;
  readonly strong: boolean;
}

interface Search {
  readonly octaves: readonly (readonly Grey[])[];
  readonly keypoints: readonly Keypoint[];
}

/**
 * The regions that stand for a picture on a list, as the value of one `pdq-region` fingerprint: their number, their
 * values in ascending order, and a bit for each that says whether it is strong; lower-case hexadecimal.
 *
 * @returns null for a picture without structure.
 */
export function regionsOf(pixels: RgbaPixels): string | null {
  const grey = workingPicture(pixels, LONG_SIDE_PX);
  const found = search(grey);
  const pyramid = patchPyramid(grey);
  const table = cosines();
  const take = (low: number, high: number, most: number): Region[] => {
    const taken: Region[] = [];
    for (const keypoint of found.keypoints) {
      const radiusPx = keypoint.radius * 2 ** keypoint.octave;
      if (taken.length === most) break;
      if (radiusPx < low || radiusPx >= high) continue;
      const region = describe(keypoint, found.octaves, pyramid, table);
      if (region !== null) taken.push(region);
    }
    return taken;
  };
  const large = take(LARGE_PX, Infinity, REGISTERED_LARGE);
  return textOf([...large, ...take(MIN_RADIUS_PX, LARGE_PX, MAX_REGISTERED - REGISTERED_LARGE)]);
}

/** All octaves, and all keypoints, strongest first; equally strong ones in scan order. */
function search(grey: Grey): Search {
  const octaves: Grey[][] = [];
  const keypoints: Keypoint[] = [];
  let base: Grey | null = octaveBase(grey);
  while (base !== null && octaves.length < OCTAVES) {
    const levels = octaveLevels(base);
    keypoints.push(...keypointsIn(levels, octaves.length, MIN_RADIUS_PX));
    octaves.push(levels);
    base = nextBase(levels);
  }
  return { octaves, keypoints: keypoints.sort((one, other) => other.response - one.response) };
}

/** Its strongest direction only: two regions of one keypoint would be two votes of one place. */
function describe(
  keypoint: Keypoint,
  octaves: readonly (readonly Grey[])[],
  pyramid: readonly Grey[],
  table: Float64Array,
): Region | null {
  const level = octaves[keypoint.octave]?.[keypoint.level];
  const halvings = patchLevel(keypoint.radius * 2 ** keypoint.octave, pyramid.length);
  const patchSource = pyramid[halvings];
  if (level === undefined || patchSource === undefined) return null;
  const ratio = 2 ** (keypoint.octave - halvings);
  const place = { x: keypoint.x * ratio, y: keypoint.y * ratio, radius: keypoint.radius * ratio };
  const turn = orientations(level, keypoint)[0];
  if (turn === undefined) return null;
  const hash = hashPatch(patchSource, { ...place, turn }, table);
  if (hash === null || hash.activity < 2 || hash.deviation < 0.1 * hash.spread) return null;
  const strong = hash.activity >= 3 && hash.deviation >= Math.max(3, 0.15 * hash.spread);
  return { value: toHex(hash.value), strong };
}

/** The level of the patch pyramid on which a sample of the patch is one to two pixels wide. */
function patchLevel(radiusPx: number, levels: number): number {
  let level = 0;
  while (level < levels - 1 && (2 * radiusPx) / PATCH_SIDE >= 2 ** (level + 1)) level++;
  return level;
}

function textOf(regions: readonly Region[]): string | null {
  const strongOf = new Map<string, boolean>();
  for (const { value, strong } of regions) if (!strongOf.has(value)) strongOf.set(value, strong);
  const values = [...strongOf.keys()].sort();
  if (values.length === 0) return null;
  const flags = new Uint8Array(Math.ceil(values.length / 8));
  values.forEach((value, index) => {
    if (strongOf.get(value) === true) flags[index >> 3] = (flags[index >> 3] ?? 0) | (128 >> (index % 8));
  });
  return toHex(Uint8Array.of(values.length)) + values.join('') + toHex(flags);
}
