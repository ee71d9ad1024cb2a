/**
 * What the boxes of an AVIF or HEIC file say of the picture before it is decoded: its size and how it is to be turned.
 *
 * Source: ISO/IEC 14496-12 §4.2 and §8.11 (boxes, `meta`), ISO/IEC 23008-12 §6.5 (`ispe`, `irot`, `imir`) and §9.3
 * (`iprp`, `ipco`). Of several items (a transparency, the tiles of a grid) the largest counts.
 */

export interface ImageBoxes {
  /** Pixels as stored; 0 if no box says so. */
  readonly width: number;
  readonly height: number;
  /** Against the clock. */
  readonly quarterTurns: 0 | 1 | 2 | 3;
  readonly mirrored: 'no' | 'upsideDown' | 'leftRight';
}

interface Box {
  readonly name: string;
  readonly body: DataView;
}

const FULL_BOX_BYTES = 4;
const MOST_BOXES = 1000;

/** @param untrustedBytes the first bytes of the file. Boxes that do not fit in say nothing. */
export function imageBoxes(untrustedBytes: Uint8Array): ImageBoxes {
  const file = new DataView(untrustedBytes.buffer, untrustedBytes.byteOffset, untrustedBytes.byteLength);
  const meta = inside([{ name: '', body: file }], '', 0, 'meta');
  const properties = inside(inside(meta, 'meta', FULL_BOX_BYTES, 'iprp'), 'iprp', 0, 'ipco');
  let found: ImageBoxes = { width: 0, height: 0, quarterTurns: 0, mirrored: 'no' };
  for (const { name, body } of properties.flatMap((box) => boxesIn(box.body, 0))) {
    found = withProperty(found, name, body);
  }
  return found;
}

function withProperty(found: ImageBoxes, name: string, body: DataView): ImageBoxes {
  if (name === 'ispe' && body.byteLength >= FULL_BOX_BYTES + 8) {
    const [width, height] = [body.getUint32(FULL_BOX_BYTES), body.getUint32(FULL_BOX_BYTES + 4)];
    return width * height > found.width * found.height ? { ...found, width, height } : found;
  }
  if (name === 'irot' && body.byteLength > 0) {
    return { ...found, quarterTurns: (body.getUint8(0) & 3) as ImageBoxes['quarterTurns'] };
  }
  if (name === 'imir' && body.byteLength > 0) {
    return { ...found, mirrored: (body.getUint8(0) & 1) === 1 ? 'leftRight' : 'upsideDown' };
  }
  return found;
}

function inside(boxes: readonly Box[], parent: string, skipped: number, name: string): Box[] {
  return boxes
    .filter((box) => box.name === parent)
    .flatMap((box) => boxesIn(box.body, skipped))
    .filter((box) => box.name === name);
}

function boxesIn(view: DataView, start: number): Box[] {
  const boxes: Box[] = [];
  let at = start;
  while (at + 8 <= view.byteLength && boxes.length < MOST_BOXES) {
    const announced = view.getUint32(at);
    const length = announced === 0 ? view.byteLength - at : announced;
    if (length < 8) break; // a length of 64 bits (1) belongs to boxes of coded pixels, behind those that matter
    const end = Math.min(at + length, view.byteLength);
    const name = String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i)));
    boxes.push({ name, body: new DataView(view.buffer, view.byteOffset + at + 8, end - at - 8) });
    at += length;
  }
  return boxes;
}
