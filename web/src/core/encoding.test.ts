import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiBytes, asciiText, concatBytes, fromBase64, fromHex, toBase64, toHex } from './bytes.ts';
import { Problem } from './problem.ts';

const bytes = fc.uint8Array({ maxLength: 200 }).map((value) => new Uint8Array(value));

describe('bytes and text', () => {
  it('agrees with the platform on hexadecimal and base64', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(toHex(value)).toBe(Buffer.from(value).toString('hex'));
        expect(toBase64(value)).toBe(Buffer.from(value).toString('base64'));
        expect(fromHex(toHex(value))).toEqual(value);
        expect(fromBase64(toBase64(value))).toEqual(value);
      }),
    );
  });

  it('refuses everything else with a problem', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const read of [fromHex, fromBase64, asciiBytes]) {
          try {
            read(text);
          } catch (error) {
            expect(error).toBeInstanceOf(Problem);
          }
        }
      }),
    );
    for (const text of ['0', 'AB', 'g0', ' 00']) expect(() => fromHex(text)).toThrow('encoding.hex');
    for (const text of ['A', 'AA=', '====', 'AA==AA==', 'A-_A'])
      expect(() => fromBase64(text)).toThrow('encoding.base64');
    expect(() => asciiBytes('é')).toThrow('encoding.ascii');
    expect(() => asciiText(new Uint8Array([0x80]))).toThrow('encoding.ascii');
  });

  it('joins parts in their order', () => {
    expect(concatBytes(new Uint8Array([1]), new Uint8Array(), new Uint8Array([2, 3]))).toEqual(
      new Uint8Array([1, 2, 3]),
    );
  });
});
