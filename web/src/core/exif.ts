/**
 * The one thing that is read of a JPEG's EXIF block: how the camera was held. Nothing of the block is kept or sent.
 *
 * Only JPEG: cameras write it there. A block that is broken, or lies behind the bytes that are at hand, says nothing, as
 * if it were not there. The same rules as src/takeback/hashing/orientation.py. Source: CIPA DC-008 (Exif 2.32) §4.5 and
 * §4.6.
 */

const UPRIGHT = 1;
const APP1 = 0xe1;
const START_OF_SCAN = 0xda;
const EXIF_TAG = [0x45, 0x78, 0x69, 0x66, 0, 0];
const ORIENTATION_TAG = 0x0112;
const SHORT = 3;
const ENTRY_BYTES = 12;

/**
 * Which of the eight forms of `pdqFormsOf` is the picture as it is stored, before it was set upright; by orientation,
 * from 1. Others do not read the note, and hash that one.
 */
const RAW_FORMS = [0, 5, 2, 4, 6, 1, 7, 3];

/** The index among the forms of `pdqFormsOf`, of a picture as displayed, that is the picture as stored; 0 is the same. */
export function rawForm(orientation: number): number {
  return RAW_FORMS[orientation - 1] ?? 0;
}

/**
 * The EXIF orientation of a JPEG, 1 to 8; 1 if it does not say, or is something else than JPEG.
 *
 * @param untrustedHead the first bytes of the file.
 */
export function jpegOrientation(untrustedHead: Uint8Array): number {
  const view = new DataView(untrustedHead.buffer, untrustedHead.byteOffset, untrustedHead.byteLength);
  try {
    return view.getUint16(0) === 0xffd8 ? orientationIn(view) : UPRIGHT;
  } catch (error) {
    if (error instanceof RangeError) return UPRIGHT; // a length or an offset points outside
    throw error;
  }
}

function orientationIn(view: DataView): number {
  let at = 2;
  for (;;) {
    while (view.getUint8(at + 1) === 0xff) at++; // fill bytes, T.81 §B.1.1.2
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff || marker === START_OF_SCAN) return UPRIGHT;
    const length = view.getUint16(at + 2);
    if (marker === APP1 && EXIF_TAG.every((byte, i) => view.getUint8(at + 4 + i) === byte)) {
      return orientationInTiff(new DataView(view.buffer, view.byteOffset + at + 10, length - 8));
    }
    at += 2 + length;
  }
}

function orientationInTiff(tiff: DataView): number {
  const order = tiff.getUint16(0);
  const little = order === 0x4949;
  if ((!little && order !== 0x4d4d) || tiff.getUint16(2, little) !== 42) return UPRIGHT;
  const directory = tiff.getUint32(4, little);
  const entries = tiff.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + i * ENTRY_BYTES;
    if (tiff.getUint16(entry, little) !== ORIENTATION_TAG) continue;
    const value = tiff.getUint16(entry + 8, little);
    return tiff.getUint16(entry + 2, little) === SHORT && value >= 1 && value <= 8 ? value : UPRIGHT;
  }
  return UPRIGHT;
}
