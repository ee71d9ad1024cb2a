/**
 * The number a person keeps: twenty digits, the last two of which catch typing errors.
 *
 * Source: docs/protocol/case-v1.md §2; ISO/IEC 7064 MOD 97-10. A receipt never leaves the device.
 */
import { Problem } from './problem.ts';

/** Twenty ASCII digits whose check digits fit. */
export type Receipt = string & { readonly __brand: 'Receipt' };

const BODY_DIGITS = 18;
const RECEIPT_DIGITS = 20;
const GROUP_DIGITS = 4;
/** 250 is the largest multiple of ten within a byte: above it, digits would not be equally likely. */
const FAIR_BELOW = 250;

/** The two check digits of an eighteen-digit body (§2.1). */
export function checkDigits(body: string): string {
  return String(98n - ((BigInt(body) * 100n) % 97n)).padStart(2, '0');
}

/**
 * Make a receipt.
 *
 * @param randomBytes the system's random source; asked again for bytes that cannot give a fair digit.
 */
export function newReceipt(randomBytes: (length: number) => Uint8Array): Receipt {
  let body = '';
  while (body.length < BODY_DIGITS) {
    for (const byte of randomBytes(BODY_DIGITS - body.length)) {
      if (byte < FAIR_BELOW) body += String(byte % 10);
    }
  }
  return (body + checkDigits(body)) as Receipt;
}

/**
 * Read a receipt as a person types it: with or without spaces and dashes.
 *
 * @throws Problem `receipt.format.empty`, `receipt.format.letters` (something that is not a digit), `receipt.format.short`, `receipt.format.long`,
 *   `receipt.check` (twenty digits, but one of them is wrong).
 */
export function parseReceipt(untrustedText: string): Receipt {
  const digits = untrustedText.replace(/[\s\-\u2010-\u2015]/g, '');
  if (digits === '') throw new Problem('receipt.format.empty');
  if (!/^[0-9]+$/.test(digits)) throw new Problem('receipt.format.letters');
  if (digits.length < RECEIPT_DIGITS) throw new Problem('receipt.format.short');
  if (digits.length > RECEIPT_DIGITS) throw new Problem('receipt.format.long');
  if (checkDigits(digits.slice(0, BODY_DIGITS)) !== digits.slice(BODY_DIGITS)) throw new Problem('receipt.check');
  return digits as Receipt;
}

/** The five groups of four in which a receipt is shown. */
export function receiptGroups(receipt: Receipt): string[] {
  return Array.from({ length: RECEIPT_DIGITS / GROUP_DIGITS }, (_, i) =>
    receipt.slice(i * GROUP_DIGITS, (i + 1) * GROUP_DIGITS),
  );
}
