import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawn } from './drawings.ts';
import { jpegOrientation, rawForm } from './exif.ts';
import { pdqFormsOf, pdqOf, type RgbaPixels } from './pdq.ts';

const ORIENTATIONS = [1, 2, 3, 4, 5, 6, 7, 8];

/** A JPEG's beginning: JFIF, then EXIF with two entries, the orientation second. */
function jpeg(orientation: number, little: boolean, kind = 3): Uint8Array {
  const tiff = new DataView(new ArrayBuffer(8 + 2 + 24));
  tiff.setUint16(0, little ? 0x4949 : 0x4d4d);
  tiff.setUint16(2, 42, little);
  tiff.setUint32(4, 8, little);
  tiff.setUint16(8, 2, little);
  tiff.setUint16(10, 0x010f, little);
  tiff.setUint16(22, 0x0112, little);
  tiff.setUint16(24, kind, little);
  tiff.setUint32(26, 1, little);
  tiff.setUint16(30, orientation, little);
  const exif = [0x45, 0x78, 0x69, 0x66, 0, 0, ...new Uint8Array(tiff.buffer)];
  return Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xe1, 0, exif.length + 2, ...exif, 0xff, 0xda);
}

describe('the orientation of a JPEG', () => {
  it('is read in both byte orders', () => {
    for (const orientation of ORIENTATIONS) {
      expect(jpegOrientation(jpeg(orientation, true))).toBe(orientation);
      expect(jpegOrientation(jpeg(orientation, false))).toBe(orientation);
    }
  });

  it('is upright when the block does not say, or says something that cannot be', () => {
    expect(jpegOrientation(jpeg(0, true))).toBe(1);
    expect(jpegOrientation(jpeg(9, false))).toBe(1);
    expect(jpegOrientation(jpeg(6, false, 4))).toBe(1);
    expect(jpegOrientation(Uint8Array.of())).toBe(1);
    const behindTheScan = Uint8Array.of(0xff, 0xd8, 0xff, 0xda, 0, 2, ...jpeg(6, true).subarray(2));
    expect(jpegOrientation(behindTheScan)).toBe(1);
  });

  it('costs nothing but itself when it is cut short or broken', () => {
    const whole = jpeg(6, true);
    for (let length = 0; length < whole.length - 4; length++) {
      expect(jpegOrientation(whole.slice(0, length))).toBe(1);
    }
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
        const broken = whole.slice();
        broken[at] = value;
        expect(ORIENTATIONS).toContain(jpegOrientation(broken));
      }),
    );
  });
});

/** What a viewer shows of a stored picture: row and column of each pixel by EXIF §4.6.4. */
function upright(stored: RgbaPixels, orientation: number): RgbaPixels {
  const turned = orientation >= 5;
  const [width, height] = turned ? [stored.height, stored.width] : [stored.width, stored.height];
  const data = new Uint8Array(stored.data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [fromX, fromY] = turned ? [y, x] : [x, y];
      const sx = [2, 3, 7, 8].includes(orientation) ? stored.width - 1 - fromX : fromX;
      const sy = [3, 4, 6, 7].includes(orientation) ? stored.height - 1 - fromY : fromY;
      const at = 4 * (sy * stored.width + sx);
      data.set(stored.data.subarray(at, at + 4), 4 * (y * width + x));
    }
  }
  return { width, height, data };
}

function differingBits(one: string, other: string): number {
  return (BigInt(`0x${one}`) ^ BigInt(`0x${other}`)).toString(2).replaceAll('0', '').length;
}

describe('the form of a picture as stored', () => {
  const stored = drawn({ kind: 'clouds', width: 333, height: 257, seed: 11, alpha: false });

  it.each(ORIENTATIONS)('is found from the picture as displayed, orientation %i', (orientation) => {
    const forms = pdqFormsOf(upright(stored, orientation)).map(({ value }) => value);
    const distances = forms.map((value) => differingBits(value, pdqOf(stored).value));
    expect(distances.indexOf(Math.min(...distances))).toBe(rawForm(orientation));
    expect(Math.min(...distances)).toBeLessThan(20);
  });
});
