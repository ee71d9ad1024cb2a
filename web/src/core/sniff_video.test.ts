import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiBytes, concatBytes } from './bytes.ts';
import { isVideo } from './sniff_video.ts';

const box = (text: string) => concatBytes(new Uint8Array([0, 0, 0, 24]), asciiBytes(text), new Uint8Array(600));

/** Packets of a transport stream, with `lead` bytes before each sync byte. */
function packets(size: number, lead: number, count: number): Uint8Array {
  const data = new Uint8Array(size * count);
  for (let i = 0; i < count; i++) data[lead + i * size] = 0x47;
  return data;
}

describe('telling a video by its first bytes', () => {
  it.each([
    ['MP4', box('ftypisom')],
    ['MOV', box('ftypqt  ')],
    ['old MOV', box('moov')],
    ['3GP', box('ftyp3gp5')],
    ['MKV and WebM', new Uint8Array([0x1a, 0x45, 0xdf, 0xa3, 1])],
    ['AVI', concatBytes(asciiBytes('RIFF'), new Uint8Array(4), asciiBytes('AVI LIST'))],
    ['TS', packets(188, 0, 5)],
    ['M2TS', packets(192, 4, 5)],
  ])('%s', (_, head) => {
    expect(isVideo(head)).toBe(true);
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['HEIC', box('ftypheic')],
    ['AVIF', box('ftypavif')],
    ['WebP', concatBytes(asciiBytes('RIFF'), new Uint8Array(4), asciiBytes('WEBPVP8 '))],
    ['JPEG', new Uint8Array([0xff, 0xd8, 0xff, 0xe0])],
    ['three packets', packets(188, 0, 3)],
  ])('not %s', (_, head) => {
    expect(isVideo(head)).toBe(false);
  });

  it('never fails, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 1024 }), (head) => typeof isVideo(head) === 'boolean'));
  });
});
