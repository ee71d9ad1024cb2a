/** Base64 for URLs, without padding: how passkeys are written on the wire. */
import { fromBase64, toBase64, type Bytes } from './bytes.ts';

export function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** @throws Problem `encoding.base64` for anything else. */
export function fromBase64Url(untrustedText: string): Bytes {
  const text = untrustedText.replaceAll('-', '+').replaceAll('_', '/');
  return fromBase64(text.padEnd(Math.ceil(text.length / 4) * 4, '='));
}
