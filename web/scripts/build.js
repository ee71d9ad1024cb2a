/**
 * Build the pages one after the other, write down what was built (`_web/digests.json`), and put a packed form beside
 * every file. Digests are of what a browser has after unpacking.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'vite';

const WEB = fileURLToPath(new URL('../', import.meta.url));
const OUT = fileURLToPath(new URL('../../src/takeback/_web/', import.meta.url));

const PAGES = ['submit', 'review', 'sample', 'operator'];

function filesOf(page) {
  return readdirSync(join(OUT, page), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

for (const mode of PAGES) {
  await build({ configFile: join(WEB, 'vite.config.ts'), mode, logLevel: 'warn' });
}

const digests = PAGES.flatMap(filesOf).map((file) => [
  relative(OUT, file).split(sep).join('/'),
  createHash('sha256').update(readFileSync(file)).digest('hex'),
]);

function pack(file) {
  const bytes = readFileSync(file);
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }));
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
}

PAGES.flatMap(filesOf).forEach(pack);

digests.sort(([a], [b]) => (a < b ? -1 : 1));
writeFileSync(join(OUT, 'digests.json'), `${JSON.stringify(Object.fromEntries(digests), null, 2)}\n`);
console.log(`${digests.length} files in ${relative(process.cwd(), OUT)}`);
