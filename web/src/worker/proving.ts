/** Solving the registry's puzzle: the same guesses as everybody's, on this device, until one fits. */
import { solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/web/pbkdf2';
import { Problem } from '../core/problem.ts';
import { proofHeader, type Puzzle } from '../core/proof.ts';

/** A browser that is slow enough to need longer than this would never finish. */
const TIMEOUT_MS = 15 * 60_000;

/** How often the progress bar hears of it. */
const SHARE_EVERY = 8;

/**
 * Solve a puzzle.
 *
 * @param onShare told what share of the guesses that it takes at most has been made.
 * @throws Problem `proof.unsolved` when there is no solution, or not in time.
 */
export async function solvePuzzle(puzzle: Puzzle, onShare: (share: number) => void): Promise<string> {
  const { parameters } = puzzle;
  let guesses = 0;
  const solution = await solveChallenge({
    challenge: { ...puzzle, parameters: { ...parameters, data: { ...parameters.data } } },
    deriveKey: (...asked) => {
      guesses += 1;
      if (guesses > parameters.data.guesses) throw new Problem('proof.unsolved');
      if (guesses % SHARE_EVERY === 0) onShare(guesses / parameters.data.guesses);
      return deriveKey(...asked);
    },
    timeout: TIMEOUT_MS,
  });
  if (solution === null) throw new Problem('proof.unsolved');
  return proofHeader(puzzle, { counter: solution.counter, derivedKey: solution.derivedKey });
}
