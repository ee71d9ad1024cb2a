/** Bytes to text and back: the few encodings that the protocol uses. No DOM: TextEncoder and atob do not exist here. */
import { Problem } from './problem.ts';

/** Bytes that own their memory, as WebCrypto wants them. */
export type Bytes = Uint8Array<ArrayBuffer>;

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const MAX_ASCII = 0x7f;

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Read lower-case hexadecimal.
 *
 * @throws Problem `encoding.hex` for another alphabet or an odd length.
 */
export function fromHex(untrustedText: string): Bytes {
  if (!/^(?:[0-9a-f]{2})*$/.test(untrustedText)) throw new Problem('encoding.hex');
  const bytes = new Uint8Array(untrustedText.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(untrustedText.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/**
 * Text of the protocol as bytes. Everything the protocol writes is ASCII.
 *
 * @throws Problem `encoding.ascii` for any other character.
 */
export function asciiBytes(text: string): Bytes {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > MAX_ASCII) throw new Problem('encoding.ascii');
    bytes[i] = unit;
  }
  return bytes;
}

/**
 * Bytes as text, ASCII only.
 *
 * @throws Problem `encoding.ascii` for a byte above 127.
 */
export function asciiText(untrustedBytes: Uint8Array): string {
  let text = '';
  for (const byte of untrustedBytes) {
    if (byte > MAX_ASCII) throw new Problem('encoding.ascii');
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Standard base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += BASE64.charAt(group >> 18) + BASE64.charAt((group >> 12) & 63);
    text += left > 1 ? BASE64.charAt((group >> 6) & 63) : '=';
    text += left > 2 ? BASE64.charAt(group & 63) : '=';
  }
  return text;
}

/**
 * Read strict base64 with padding.
 *
 * @throws Problem `encoding.base64`.
 */
export function fromBase64(untrustedText: string): Bytes {
  if (untrustedText.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(untrustedText))
    throw new Problem('encoding.base64');
  const digits = untrustedText.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const digit of digits) {
    held = ((held << 6) | BASE64.indexOf(digit)) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
  }
  return bytes;
}

/** Several byte strings as one. */
export function concatBytes(...parts: Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
