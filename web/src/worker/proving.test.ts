import { createChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/web/pbkdf2';
import { describe, expect, it } from 'vitest';
import { Problem } from '../core/problem.ts';
import { bindingInput, challengeBody, parsePuzzle } from '../core/proof.ts';
import { solvePuzzle } from './proving.ts';

const BINDING = 'ab'.repeat(32);

async function challenge(counter: number, about: Record<string, number | string> = {}): Promise<unknown> {
  return createChallenge({
    algorithm: 'PBKDF2/SHA-256',
    cost: 2,
    counter,
    data: { binding: BINDING, guesses: 20, until: 2_000_000_000, ...about },
    deriveKey,
    hmacSignatureSecret: 'one',
    hmacKeySignatureSecret: 'two',
  });
}

function reply(made: unknown): string {
  return JSON.stringify({ challenge: made });
}

describe('the puzzle', () => {
  it('is solved, with progress, and goes back as it came', async () => {
    const made = await challenge(17);
    const puzzle = parsePuzzle(reply(made), BINDING);
    if (puzzle === undefined) throw new Error('no puzzle');
    const shares: number[] = [];
    const header = await solvePuzzle(puzzle, (share) => shares.push(share));
    const proof = JSON.parse(atob(header)) as { challenge: unknown; solution: { counter: number; derivedKey: string } };
    expect(proof.challenge).toEqual(made);
    expect(proof.solution.counter).toBe(17);
    expect(proof.solution.derivedKey.startsWith(puzzle.parameters.keyPrefix)).toBe(true);
    expect(shares).toEqual([8 / 20, 16 / 20]);
  });

  it('is given up when it has no solution among the guesses it promises', async () => {
    const puzzle = parsePuzzle(reply(await challenge(21)), BINDING);
    if (puzzle === undefined) throw new Error('no puzzle');
    await expect(solvePuzzle(puzzle, () => undefined)).rejects.toThrow(new Problem('proof.unsolved'));
  });

  it('may be absent', () => {
    expect(parsePuzzle('{}', BINDING)).toBeUndefined();
  });

  it('is refused when it is for something else, or harder than a device agrees to', async () => {
    const wrong = [
      [await challenge(1), 'cd'.repeat(32)],
      [await challenge(1, { guesses: 1_000_001 }), BINDING],
      [{}, BINDING],
      [null, BINDING],
    ] as const;
    for (const [made, binding] of wrong) {
      expect(() => parsePuzzle(reply(made), binding)).toThrow(new Problem('reply.malformed'));
    }
  });

  it('is bound to the path and to every byte of the request', () => {
    const text = new TextDecoder().decode(bindingInput('/v1/cases', '{"a":1}'));
    expect(text).toBe('takeback/proof/v1\n/v1/cases\n{"a":1}');
    expect(challengeBody(BINDING)).toBe(`{"binding":"${BINDING}"}`);
  });
});
