import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawn } from './drawings.ts';
import { asciiBytes, concatBytes } from './bytes.ts';
import { orientationOf, rawForm, upright } from './exif.ts';
import { pdqFormsOf, pdqOf } from './pdq.ts';
import type { PictureFormat } from './sniff.ts';

const ORIENTATIONS = [1, 2, 3, 4, 5, 6, 7, 8];

/** An EXIF block with two entries, the orientation second. */
function block(orientation: number, little: boolean, kind = 3): Uint8Array {
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
  return new Uint8Array(tiff.buffer);
}

/** A JPEG's beginning: JFIF, then EXIF. */
function jpeg(orientation: number, little: boolean, kind = 3): Uint8Array {
  const exif = [0x45, 0x78, 0x69, 0x66, 0, 0, ...block(orientation, little, kind)];
  return Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xe1, 0, exif.length + 2, ...exif, 0xff, 0xda);
}

describe('the orientation of a JPEG', () => {
  it('is read in both byte orders', () => {
    for (const orientation of ORIENTATIONS) {
      expect(orientationOf('jpeg', jpeg(orientation, true))).toBe(orientation);
      expect(orientationOf('jpeg', jpeg(orientation, false))).toBe(orientation);
    }
  });

  it('is upright when the block does not say, or says something that cannot be', () => {
    expect(orientationOf('jpeg', jpeg(0, true))).toBe(1);
    expect(orientationOf('jpeg', jpeg(9, false))).toBe(1);
    expect(orientationOf('jpeg', jpeg(6, false, 4))).toBe(1);
    expect(orientationOf('jpeg', Uint8Array.of())).toBe(1);
    const behindTheScan = Uint8Array.of(0xff, 0xd8, 0xff, 0xda, 0, 2, ...jpeg(6, true).subarray(2));
    expect(orientationOf('jpeg', behindTheScan)).toBe(1);
  });

  it('costs nothing but itself when it is cut short or broken', () => {
    const whole = jpeg(6, true);
    for (let length = 0; length < whole.length - 4; length++) {
      expect(orientationOf('jpeg', whole.slice(0, length))).toBe(1);
    }
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
        const broken = whole.slice();
        broken[at] = value;
        expect(ORIENTATIONS).toContain(orientationOf('jpeg', broken));
      }),
    );
  });
});

function differingBits(one: string, other: string): number {
  return (BigInt(`0x${one}`) ^ BigInt(`0x${other}`)).toString(2).replaceAll('0', '').length;
}

function be(value: number): Uint8Array {
  return Uint8Array.from([24, 16, 8, 0], (shift) => (value >>> shift) & 0xff);
}

function png(orientation: number): Uint8Array {
  const chunk = (name: string, body: Uint8Array) => concatBytes(be(body.length), asciiBytes(name), body, be(0));
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10);
  return concatBytes(
    signature,
    chunk('IHDR', new Uint8Array(13)),
    chunk('eXIf', block(orientation, false)),
    chunk('IDAT', new Uint8Array(9)),
  );
}

function webp(orientation: number, tag: string): Uint8Array {
  const chunk = (name: string, body: Uint8Array) =>
    concatBytes(asciiBytes(name), be(body.length).reverse(), body, new Uint8Array(body.length % 2));
  const exif = concatBytes(asciiBytes(tag), block(orientation, true));
  const body = [chunk('VP8X', new Uint8Array(10)), chunk('VP8 ', new Uint8Array(7)), chunk('EXIF', exif)];
  return concatBytes(asciiBytes('RIFF'), be(0), asciiBytes('WEBP'), ...body);
}

function box(name: string, ...bodies: Uint8Array[]): Uint8Array {
  const body = concatBytes(...bodies);
  return concatBytes(be(8 + body.length), asciiBytes(name), body);
}

/** The beginning of an AVIF with a picture, a smaller one, and boxes that turn them. */
function avif(...turns: Uint8Array[]): Uint8Array {
  const sizes = [box('ispe', be(0), be(640), be(480)), box('ispe', be(0), be(160), be(120))];
  const properties = box('iprp', box('ipco', ...sizes, ...turns));
  return concatBytes(box('ftyp', asciiBytes('avif'), be(0), asciiBytes('mif1')), box('meta', be(0), properties));
}

describe('the orientation of other formats', () => {
  it('is read from a PNG, a WebP with and without the tag, and is upright in what has none', () => {
    for (const orientation of ORIENTATIONS) {
      expect(orientationOf('png', png(orientation))).toBe(orientation);
      expect(orientationOf('webp', webp(orientation, ''))).toBe(orientation);
      expect(orientationOf('webp', webp(orientation, 'Exif\0\0'))).toBe(orientation);
    }
    expect(orientationOf('gif', asciiBytes('GIF89a'))).toBe(1);
    expect(orientationOf('bmp', asciiBytes('BM'))).toBe(1);
  });

  it('is read from the boxes of an AVIF', () => {
    const turn = (quarters: number) => box('irot', Uint8Array.of(quarters));
    const mirror = (axis: number) => box('imir', Uint8Array.of(axis));
    const all = [0, 1, 2, 3].flatMap((quarters) => [
      avif(turn(quarters)),
      avif(turn(quarters), mirror(0)),
      avif(turn(quarters), mirror(1)),
    ]);
    const seen = all.map((bytes) => orientationOf('avif', bytes));
    expect(seen).toEqual([1, 4, 2, 8, 5, 7, 3, 2, 4, 6, 7, 5]);
    expect(orientationOf('avif', avif())).toBe(1);
  });

  it('is one of eight whatever the bytes', () => {
    const samples: [PictureFormat, Uint8Array][] = [
      ['png', png(6)],
      ['webp', webp(6, '')],
      ['avif', avif(box('irot', Uint8Array.of(1)))],
    ];
    for (const [format, whole] of samples) {
      for (let length = 0; length < whole.length; length++) {
        expect(ORIENTATIONS).toContain(orientationOf(format, whole.slice(0, length)));
      }
      fc.assert(
        fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
          const broken = whole.slice();
          broken[at] = value;
          expect(ORIENTATIONS).toContain(orientationOf(format, broken));
        }),
      );
    }
  });
});

describe('the form of a picture as stored', () => {
  const stored = drawn({ kind: 'clouds', width: 333, height: 257, seed: 11, alpha: false });

  it.each(ORIENTATIONS)('is found from the picture as displayed, orientation %i', (orientation) => {
    const forms = pdqFormsOf(upright(stored, orientation)).map(({ value }) => value);
    const distances = forms.map((value) => differingBits(value, pdqOf(stored).value));
    expect(distances.indexOf(Math.min(...distances))).toBe(rawForm(orientation));
    expect(Math.min(...distances)).toBeLessThan(20);
  });
});
