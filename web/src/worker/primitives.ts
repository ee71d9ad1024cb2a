/** What `core/sealing` needs from the device: WebCrypto, and Argon2id in WebAssembly because WebCrypto has none. */
import { argon2id } from 'hash-wasm';
import { ARGON2, type Primitives } from '../core/sealing.ts';
import type { Bytes } from '../core/bytes.ts';

/** The real thing, on any WebCrypto: a worker's own `crypto`, or Node's in tests. */
export function webPrimitives(crypto: Crypto): Primitives {
  const { subtle } = crypto;
  const aesKey = (key: Bytes, use: 'encrypt' | 'decrypt') => subtle.importKey('raw', key, 'AES-GCM', false, [use]);
  return {
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    sha256: async (data) => new Uint8Array(await subtle.digest('SHA-256', data)),
    argon2id: async (password, salt) =>
      new Uint8Array(
        await argon2id({
          password,
          salt,
          memorySize: ARGON2.memoryKib,
          iterations: ARGON2.passes,
          parallelism: ARGON2.lanes,
          hashLength: ARGON2.lengthBytes,
          outputType: 'binary',
        }),
      ),
    hkdf: async (root, info, lengthBytes) => {
      const key = await subtle.importKey('raw', root, 'HKDF', false, ['deriveBits']);
      const how = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info };
      return new Uint8Array(await subtle.deriveBits(how, key, 8 * lengthBytes));
    },
    aesGcmSeal: async (key, nonce, plaintext, associated) => {
      const how = { name: 'AES-GCM', iv: nonce, additionalData: associated };
      return new Uint8Array(await subtle.encrypt(how, await aesKey(key, 'encrypt'), plaintext));
    },
    aesGcmOpen: async (key, nonce, sealed, associated) => {
      const how = { name: 'AES-GCM', iv: nonce, additionalData: associated };
      return new Uint8Array(await subtle.decrypt(how, await aesKey(key, 'decrypt'), sealed));
    },
  };
}
