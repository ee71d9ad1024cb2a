/** MD5 and SHA-256 of a file in one pass, without ever holding the whole of it. */
import { createMD5, createSHA256 } from 'hash-wasm';

/** Lower-case hexadecimal. */
export interface FileDigests {
  readonly md5: string;
  readonly sha256: string;
}

const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * Digest a file's bytes.
 *
 * @param onBytes is told how many bytes are done so far.
 */
export async function fileDigests(file: Blob, onBytes: (done: number) => void): Promise<FileDigests> {
  const [md5, sha256] = await Promise.all([createMD5(), createSHA256()]);
  md5.init();
  sha256.init();
  for (let at = 0; at < file.size; at += CHUNK_BYTES) {
    const chunk = new Uint8Array(await file.slice(at, at + CHUNK_BYTES).arrayBuffer());
    md5.update(chunk);
    sha256.update(chunk);
    onBytes(at + chunk.length);
  }
  return { md5: md5.digest('hex'), sha256: sha256.digest('hex') };
}
