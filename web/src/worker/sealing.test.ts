/** Sealing on the real primitives, held to the Python side byte by byte. */
import { createHash, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiBytes, fromBase64, fromHex, toBase64, toHex } from '../core/bytes.ts';
import { contentText, parseContent, type Hold } from '../core/case_content.ts';
import type { Fingerprint } from '../core/fingerprint.ts';
import { BODY_SIZES_BYTES, paddedBody, paddedPlaintext, PLAINTEXT_SIZES_BYTES, unpaddedText } from '../core/padding.ts';
import { parseReceipt } from '../core/receipt.ts';
import {
  deriveKeys,
  deriveSheets,
  MAX_PICTURES,
  openContent,
  sealContent,
  sealSubmission,
  type Primitives,
} from '../core/sealing.ts';
import { tokensBody } from '../core/wire.ts';
import { webPrimitives } from './primitives.ts';

interface Vectors {
  keys: {
    receipt: string;
    root: string;
    case_id: string;
    case_key: string;
    sheets: { sheet: number; case_id: string; case_key: string }[];
  }[];
  plaintext_sizes_bytes: number[];
  body_sizes_bytes: number[];
  sealed: {
    receipt: string;
    day: string;
    holds: Hold[];
    plaintext_bytes: number;
    plaintext_sha256: string;
    nonce: string;
    sealed: string;
  }[];
  unopenable: { why: string; receipt: string; sealed: string; code: string }[];
  submissions: {
    case_id: string;
    sealed: string;
    fingerprints: (Fingerprint & { token_hash: string })[];
    body_bytes: number;
    body_sha256: string;
  }[];
  tokens: { tokens: string[]; token_hashes: string[]; body_bytes: number; body_sha256: string }[];
}

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/case-v1.json', import.meta.url), 'utf8')) as Vectors;

const device = webPrimitives(webcrypto as unknown as Crypto);

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

describe('golden vectors of case-v1', () => {
  it('has the same sizes', () => {
    expect(vectors.plaintext_sizes_bytes).toEqual(PLAINTEXT_SIZES_BYTES);
    expect(vectors.body_sizes_bytes).toEqual(BODY_SIZES_BYTES);
  });

  it.each(vectors.keys)('derives the keys of $receipt', async ({ receipt, root, case_id, case_key, sheets }) => {
    expect(toHex(await device.argon2id(asciiBytes(receipt), asciiBytes('takeback/receipt/v1')))).toBe(root);
    const keys = await deriveKeys(device, parseReceipt(receipt));
    expect(toHex(keys.caseId)).toBe(case_id);
    expect(toHex(keys.caseKey)).toBe(case_key);
    const all = await deriveSheets(device, parseReceipt(receipt));
    for (const { sheet, ...expected } of sheets) {
      const own = all[sheet - 1];
      expect(own && { case_id: toHex(own.caseId), case_key: toHex(own.caseKey) }).toEqual(expected);
    }
  });

  it.each(vectors.sealed)('opens and makes the sealed case of $receipt', async (vector) => {
    const keys = await deriveKeys(device, parseReceipt(vector.receipt));
    const content = { day: vector.day, holds: vector.holds };
    expect(await openContent(device, keys, vector.sealed)).toEqual(content);
    const plaintext = paddedPlaintext(contentText(content));
    expect(plaintext.length).toBe(vector.plaintext_bytes);
    expect(sha256(plaintext)).toBe(vector.plaintext_sha256);
    const sameNonce: Primitives = { ...device, randomBytes: () => fromHex(vector.nonce) };
    expect(toBase64(await sealContent(sameNonce, keys, content))).toBe(vector.sealed);
  });

  it.each(vectors.unopenable)('does not open: $why', async ({ receipt, sealed, code }) => {
    const keys = await deriveKeys(device, parseReceipt(receipt));
    await expect(openContent(device, keys, sealed)).rejects.toThrow(code);
  });

  it.each(vectors.submissions)('writes the body of case $case_id', ({ case_id, sealed, fingerprints, ...body }) => {
    const written = paddedBody({ case_id, sealed, fingerprints });
    expect(written.length).toBe(body.body_bytes);
    expect(sha256(written)).toBe(body.body_sha256);
  });

  it.each(vectors.tokens)('writes the question about tokens, $body_bytes bytes', async (vector) => {
    const written = tokensBody(vector.tokens);
    expect(written.length).toBe(vector.body_bytes);
    expect(sha256(written)).toBe(vector.body_sha256);
    for (const [i, token] of vector.tokens.entries()) {
      expect(toHex(await device.sha256(fromHex(token)))).toBe(vector.token_hashes[i]);
    }
  });
});

const PDQ: Fingerprint = { algorithm: 'pdq', value: 'ab'.repeat(32), quality: 90 };
const MD5: Fingerprint = { algorithm: 'md5', value: 'cd'.repeat(16) };

interface Body {
  case_id: string;
  sealed: string;
  fingerprints: { algorithm: string; value: string; quality?: number; token_hash: string }[];
  padding: string;
}

describe('a submission', () => {
  it('opens again with its receipt, and every token answers for its fingerprint', async () => {
    const { receipt, bodies } = await sealSubmission(
      device,
      [
        { file: 1, fingerprints: [PDQ, MD5] },
        { file: 2, fingerprints: [MD5] },
      ],
      '2026-11-22',
    );
    const sent = JSON.parse(bodies[0] ?? '') as Body;
    const keys = await deriveKeys(device, receipt);
    expect(sent.case_id).toBe(toHex(keys.caseId));
    const content = await openContent(device, keys, sent.sealed);
    expect(content.day).toBe('2026-11-22');
    expect(content.holds.map(({ algorithm, file }) => [algorithm, file])).toEqual([
      ['pdq', 1],
      ['md5', 1],
      ['md5', 2],
    ]);
    const hashes = content.holds.map(({ token }) => sha256(fromHex(token))).sort();
    expect(sent.fingerprints.map(({ token_hash }) => token_hash).sort()).toEqual(hashes);
  });

  it('has a fixed size, and nothing in it but what the protocol names', async () => {
    const { receipt, bodies } = await sealSubmission(device, [{ file: 1, fingerprints: [PDQ, MD5] }], '2026-11-22');
    expect(bodies.map(({ length }) => length)).toEqual([4096]);
    const sent = JSON.parse(bodies[0] ?? '') as Body;
    expect(Object.keys(sent).sort()).toEqual(['case_id', 'fingerprints', 'padding', 'sealed']);
    expect(sent.padding).toMatch(/^ +$/);
    for (const fingerprint of sent.fingerprints) {
      expect(Object.keys(fingerprint)).not.toContain('file');
    }
    expect(bodies[0]).not.toContain(receipt);
  });

  it('sends fingerprints in another order than they were made', async () => {
    const one = (n: number): Fingerprint => ({ algorithm: 'md5', value: n.toString(16).padStart(32, '0') });
    const fingerprints = Array.from({ length: 60 }, (_, n) => one(n));
    const { bodies } = await sealSubmission(device, [{ file: 1, fingerprints }], '2026-11-22');
    const values = (JSON.parse(bodies[0] ?? '') as Body).fingerprints.map(({ value }) => value);
    expect(values).not.toEqual(fingerprints.map(({ value }) => value));
    expect([...values].sort()).toEqual(fingerprints.map(({ value }) => value));
  });

  it('takes as many sheets as it needs, each of an allowed size, and says on the first whom it is about', async () => {
    const many = (length: number) => [{ file: 99, fingerprints: Array.from({ length }, () => PDQ) }];
    const { receipt, bodies } = await sealSubmission(device, many(401), '2026-11-22', 'self_under_18');
    expect(bodies.length).toBe(3);
    for (const body of bodies) expect(BODY_SIZES_BYTES).toContain(body.length);
    const sent = bodies.map((body) => JSON.parse(body) as Body & { about?: string });
    expect(sent.map(({ about }) => about)).toEqual(['self_under_18', undefined, undefined]);
    expect(sent.flatMap(({ fingerprints }) => fingerprints)).toHaveLength(401);
    const keys = await deriveSheets(device, receipt);
    const contents = await Promise.all(
      sent.map(async ({ sealed }, i) => {
        const key = keys[i];
        return key === undefined ? undefined : openContent(device, key, sealed);
      }),
    );
    expect(contents.flatMap((content) => content?.holds ?? [])).toHaveLength(401);
    expect(sent.map(({ case_id }) => case_id)).toEqual(keys.slice(0, 3).map(({ caseId }) => toHex(caseId)));
    await expect(sealSubmission(device, [], '2026-11-22')).rejects.toThrow('case.empty');
  });

  it('holds as many pictures as the page lets through, however much there is in them', async () => {
    // The picture as displayed and as stored, three content boxes, eight usual crops; 96 regions; quality in as many digits as it can have.
    const looks: Fingerprint[] = Array.from({ length: 13 }, () => ({ ...PDQ, quality: 100 }));
    const sha256Of: Fingerprint = { algorithm: 'sha256', value: 'ef'.repeat(32) };
    const regions: Fingerprint = { algorithm: 'pdq-region', value: '60' + 'ab'.repeat(96 * 32 + 12) };
    const fingerprints = [...looks, MD5, sha256Of, regions];
    const pictures = (count: number) => Array.from({ length: count }, (_, i) => ({ file: i + 1, fingerprints }));
    const { bodies } = await sealSubmission(device, pictures(MAX_PICTURES), '2026-11-22');
    expect(bodies.length).toBeLessThanOrEqual(32);
    for (const body of bodies) expect(BODY_SIZES_BYTES).toContain(body.length);
    await expect(sealSubmission(device, pictures(3 * MAX_PICTURES), '2026-11-22')).rejects.toThrow('case.too_large');
  });
});

describe('padding', () => {
  it('gives back what was put in, in an allowed size', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ -~]{0,3000}$/), (text) => {
        const plaintext = paddedPlaintext(text);
        expect(PLAINTEXT_SIZES_BYTES).toContain(plaintext.length);
        expect(unpaddedText(plaintext)).toBe(text);
      }),
    );
  });

  it('refuses lengths that cannot be', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (noise) => {
        const plaintext = new Uint8Array(noise);
        const view = new DataView(plaintext.buffer);
        fc.pre(plaintext.length < 4 || view.getUint32(0) > plaintext.length - 4);
        expect(() => unpaddedText(plaintext)).toThrow('case.content');
      }),
    );
  });

  it('refuses content of another version or shape', () => {
    const hold = '{"token":"00000000000000000000000000000000","algorithm":"pdq","file":1}';
    expect(parseContent(`{"v":1,"day":"2026-11-22","holds":[${hold}]}`).holds).toHaveLength(1);
    const broken = [
      '',
      '[]',
      `{"v":2,"day":"2026-11-22","holds":[${hold}]}`,
      `{"v":1,"day":"yesterday","holds":[${hold}]}`,
      '{"v":1,"day":"2026-11-22","holds":{}}',
      `{"v":1,"day":"2026-11-22","holds":[${hold.replace('pdq', 'tmk')}]}`,
      `{"v":1,"day":"2026-11-22","holds":[${hold.replace('"file":1', '"file":0')}]}`,
    ];
    for (const text of broken) expect(() => parseContent(text)).toThrow('case.content');
  });

  it('refuses a sealed case of another size before it tries to open it', async () => {
    const keys = { caseId: new Uint8Array(16), caseKey: new Uint8Array(32) };
    const short = toBase64(fromBase64('AAAA'));
    await expect(openContent(device, keys, short)).rejects.toThrow('case.damaged');
  });
});
