import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkDigits, newReceipt, parseReceipt, receiptGroups } from './receipt.ts';

interface Vectors {
  receipts: { valid: { typed: string; digits: string; grouped: string }[]; invalid: { typed: string; code: string }[] };
}

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/case-v1.json', import.meta.url), 'utf8')) as Vectors;

const body = fc.stringMatching(/^[0-9]{18}$/);

describe('receipt', () => {
  it.each(vectors.receipts.valid)('reads $typed', ({ typed, digits, grouped }) => {
    const receipt = parseReceipt(typed);
    expect(receipt).toBe(digits);
    expect(receiptGroups(receipt).join(' ')).toBe(grouped);
  });

  it.each(vectors.receipts.invalid)('refuses $typed', ({ typed, code }) => {
    // The page says more exactly what is wrong with the format than the vectors do.
    expect(() => parseReceipt(typed)).toThrow(code);
  });

  it('notices any one wrong digit and any two swapped neighbours', () => {
    fc.assert(
      fc.property(body, fc.nat(19), fc.integer({ min: 1, max: 9 }), (digits, at, shift) => {
        const receipt = digits + checkDigits(digits);
        const wrong = String((Number(receipt[at]) + shift) % 10);
        expect(() => parseReceipt(receipt.slice(0, at) + wrong + receipt.slice(at + 1))).toThrow('receipt.check');
      }),
    );
    fc.assert(
      fc.property(body, fc.nat(18), (digits, at) => {
        const receipt = digits + checkDigits(digits);
        const swapped = receipt.slice(0, at) + receipt.charAt(at + 1) + receipt.charAt(at) + receipt.slice(at + 2);
        fc.pre(swapped !== receipt);
        expect(() => parseReceipt(swapped)).toThrow('receipt.check');
      }),
    );
  });

  it('says what is wrong with the format', () => {
    expect(() => parseReceipt(' - ')).toThrow('receipt.format.empty');
    expect(() => parseReceipt('1234 5678 9012 3456 788O')).toThrow('receipt.format.letters');
    expect(() => parseReceipt('1234 5678 9012 3456 788')).toThrow('receipt.format.short');
    expect(() => parseReceipt('1234 5678 9012 3456 7888 1')).toThrow('receipt.format.long');
  });

  it('makes a receipt of fair digits only', () => {
    // 255 would make the digits 0 to 5 likelier; it is passed over and asked for again.
    const draws = [new Uint8Array(18).fill(255), new Uint8Array(18).fill(249)];
    const receipt = newReceipt(() => draws.shift() ?? new Uint8Array());
    expect(receipt.slice(0, 18)).toBe('9'.repeat(18));
    expect(parseReceipt(receipt)).toBe(receipt);
  });
});
