/** The words themselves: promises that must not be made, and every state and problem has a sentence. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HOLD_STATES } from '../core/wire.ts';
import { REASONS } from '../core/review_wire.ts';
import { UPLOAD_STATES } from '../core/wall_wire.ts';
import en from './en.json';
import help from './help.json';

function sentences(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(sentences);
  return [];
}

describe('the words', () => {
  it('never say that a fingerprint cannot be turned back', () => {
    for (const sentence of sentences(en))
      expect(sentence).not.toMatch(/irreversibl|revers|impossible|guarantee|100 ?%/i);
    expect(sentences(en.submit).join(' ')).toContain(
      'A fingerprint is not the picture, and only checked platforms get it.',
    );
  });

  it('never blame, and say so', () => {
    for (const sentence of sentences(en.submit))
      expect(sentence).not.toMatch(/you should have|your own fault|mistake|naked|nude|revenge/i);
    expect(en.submit.home.kind).toContain('this is not your fault');
  });

  it('are short: a young person understands every sentence', () => {
    const words = sentences(en.submit).flatMap((text) =>
      text.split(/(?<=[.!?:])\s/).map((part) => part.split(/\s+/).length),
    );
    expect(Math.max(...words)).toBeLessThanOrEqual(24);
    expect(words.reduce((sum, n) => sum + n, 0) / words.length).toBeLessThan(12);
  });

  it('have a sentence for every state, reason and problem', () => {
    expect(Object.keys(en.submit.case.states).sort()).toEqual([...HOLD_STATES].sort());
    expect(Object.keys(en.review.decide.reasons).sort()).toEqual([...REASONS].sort());
    for (const state of UPLOAD_STATES) expect(en.sample.mine[state].title).not.toBe('');
    const raised = ['core', 'worker', 'api'].flatMap(problemsRaisedIn);
    for (const code of new Set(raised)) expect(Object.keys(en.submit.problems)).toContain(code);
  });
});

/** Codes that no person can cause: a defect of ours or of the server, for which "something went wrong" is right. */
const OURS = /^(?:encoding|reply|device\.stopped|case\.empty)/;

function problemsRaisedIn(folder: string): string[] {
  const files: Record<string, string[]> = {
    core: ['receipt', 'sniff', 'sealing', 'padding'],
    worker: ['fingerprinting', 'pixels', 'main', 'video_code'],
    api: ['request'],
  };
  return (files[folder] ?? [])
    .map((name) => readFileSync(new URL(`../${folder}/${name}.ts`, import.meta.url), 'utf8'))
    .flatMap((source) => [...source.matchAll(/'((?:media|receipt|case|network|registry|device|code)\.[a-z_.]+)'/g)])
    .map((found) => found[1] ?? '')
    .filter((code) => !OURS.test(code));
}

describe('help lines', () => {
  it('have a name, say what they do, and a way to reach them over a safe link', () => {
    for (const { place, lines } of help) {
      expect(place).not.toBe('');
      for (const line of lines) {
        const { number, url } = line as { number?: string; url?: string };
        expect(line.what).not.toBe('');
        expect(number ?? url).toBeDefined();
        if (url !== undefined) expect(new URL(url).protocol).toBe('https:');
        if (number !== undefined) expect(number).toMatch(/^[\d -]{3,16}$/);
      }
    }
  });
});
