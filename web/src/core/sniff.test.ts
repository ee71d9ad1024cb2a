import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiBytes, concatBytes } from './bytes.ts';
import { Problem } from './problem.ts';
import { checkPictureSize, PICTURE_LIMITS, sniffPicture } from './sniff.ts';

function be(value: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (value >>> (8 * (length - 1 - i))) & 0xff);
}

function le(value: number, length: number): Uint8Array {
  return be(value, length).reverse();
}

function png(width: number, height: number): Uint8Array {
  const magic = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  return concatBytes(magic, be(13, 4), asciiBytes('IHDR'), be(width, 4), be(height, 4), new Uint8Array(9));
}

function segment(marker: number, body: Uint8Array): Uint8Array {
  return concatBytes(new Uint8Array([0xff, marker]), be(body.length + 2, 2), body);
}

function jpeg(width: number, height: number, frame = 0xc0, before: Uint8Array = new Uint8Array()): Uint8Array {
  const sof = concatBytes(new Uint8Array([8]), be(height, 2), be(width, 2), new Uint8Array([3, 1, 0x22, 0]));
  return concatBytes(new Uint8Array([0xff, 0xd8]), before, segment(frame, sof), new Uint8Array(4));
}

function webp(chunk: string, rest: Uint8Array): Uint8Array {
  const file = concatBytes(asciiBytes('RIFF'), le(40, 4), asciiBytes('WEBP'), asciiBytes(chunk), le(30, 4), rest);
  return concatBytes(file, new Uint8Array(Math.max(0, 30 - file.length)));
}

function box(name: string, ...bodies: Uint8Array[]): Uint8Array {
  const body = concatBytes(...bodies);
  return concatBytes(be(8 + body.length, 4), asciiBytes(name), body);
}

function boxed(brand: string, width: number, height: number, other = 'avif'): Uint8Array {
  const size = box('ispe', be(0, 4), be(width, 4), be(height, 4));
  const meta = box('meta', be(0, 4), box('iprp', box('ipco', size)));
  return concatBytes(box('ftyp', asciiBytes(brand), be(0, 4), asciiBytes(other)), meta);
}

const side = fc.integer({ min: 1, max: 16383 });

describe('sniffing a picture', () => {
  it('reads the size that each format states', () => {
    fc.assert(
      fc.property(side, side, (width, height) => {
        const lossy = concatBytes(new Uint8Array([0, 0, 0, 0x9d, 0x01, 0x2a]), le(width, 2), le(height, 2));
        const lossless = concatBytes(new Uint8Array([0x2f]), le((width - 1) | ((height - 1) << 14), 4));
        const extended = concatBytes(new Uint8Array(4), le(width - 1, 3), le(height - 1, 3));
        const all = [
          png(width, height),
          jpeg(width, height),
          webp('VP8 ', lossy),
          webp('VP8L', lossless),
          webp('VP8X', extended),
          concatBytes(asciiBytes('GIF89a'), le(width, 2), le(height, 2)),
          concatBytes(asciiBytes('BM'), new Uint8Array(12), le(40, 4), le(width, 4), le(-height, 4)),
          boxed('avif', width, height),
          boxed('mif1', width, height),
          boxed('heic', width, height, 'mif1'),
        ];
        for (const head of all) expect(sniffPicture(head, true)).toMatchObject({ width, height });
      }),
    );
  });

  it('finds the size of a JPEG behind other segments, fill bytes and tables', () => {
    const exif = segment(0xe1, new Uint8Array(60_000));
    const tables = segment(0xc4, new Uint8Array(200));
    const before = concatBytes(exif, tables, new Uint8Array([0xff, 0xff]));
    expect(sniffPicture(jpeg(400, 300, 0xc2, before), true)).toEqual({ format: 'jpeg', width: 400, height: 300 });
  });

  it('asks for more of a JPEG whose size lies behind the part it has', () => {
    const head = jpeg(400, 300, 0xc0, segment(0xe1, new Uint8Array(60_000))).subarray(0, 30_000);
    expect(sniffPicture(head, false)).toBeUndefined();
    expect(() => sniffPicture(head, true)).toThrow('media.truncated');
  });

  it('tells what cannot be used apart', () => {
    const ftyp = (brand: string) => concatBytes(be(24, 4), asciiBytes(`ftyp${brand}`), new Uint8Array(12));
    const cases: [Uint8Array, string][] = [
      [new Uint8Array(), 'media.empty'],
      [ftyp('heic'), 'media.truncated'],
      [ftyp('mif1'), 'media.truncated'],
      [ftyp('isom'), 'media.format'],
      [asciiBytes('<!doctype html>'), 'media.format'],
      [asciiBytes('GIF89a...'), 'media.truncated'],
      [asciiBytes('BM'), 'media.truncated'],
      [boxed('avif', 9, 9).subarray(0, 30), 'media.truncated'],
      [png(1, 1).subarray(0, 20), 'media.truncated'],
      [webp('JUNK', new Uint8Array()), 'media.damaged'],
      [new Uint8Array([0xff, 0xd8, 0xff, 0xda, 0, 12, 0, 0, 0, 0, 0, 0, 0]), 'media.damaged'],
    ];
    for (const [head, code] of cases) expect(() => sniffPicture(head, true)).toThrow(code);
  });

  it('never fails in any other way, whatever the bytes', () => {
    const starts = [
      [],
      [0xff, 0xd8, 0xff],
      [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10],
      [...asciiBytes('RIFF    WEBPVP8 ')],
      [...asciiBytes('GIF89a')],
      [...asciiBytes('BM')],
      [...boxed('avif', 9, 9).subarray(0, 40)],
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...starts),
        fc.uint8Array({ maxLength: 80 }),
        fc.boolean(),
        (start, noise, isWhole) => {
          try {
            sniffPicture(new Uint8Array([...start, ...noise]), isWhole);
          } catch (error) {
            expect(error).toBeInstanceOf(Problem);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('holds a size against the limits', () => {
    const ok = { format: 'png', width: 10_000, height: 10_000 } as const;
    expect(() => {
      checkPictureSize(ok, PICTURE_LIMITS);
    }).not.toThrow();
    for (const wrong of [
      { ...ok, width: 10_001 },
      { ...ok, width: 70_000, height: 1 },
    ]) {
      expect(() => {
        checkPictureSize(wrong, PICTURE_LIMITS);
      }).toThrow('media.too_large');
    }
    expect(() => {
      checkPictureSize({ ...ok, height: 0 }, PICTURE_LIMITS);
    }).toThrow('media.damaged');
  });
});
