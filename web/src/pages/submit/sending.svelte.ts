/** Bodies on their way to the registry: sent one by one, again and again until they arrive or nobody wants it any more. */
import { submitCase } from '../../api/registry.ts';
import { codeOf } from '../../core/problem.ts';
import type { Receipt } from '../../core/receipt.ts';
import type { Puzzle } from './puzzle.svelte.ts';

const RETRY_AFTER_MS = [1000, 3000, 8000, 20_000];

/** What can be waited out: everything else is said at once. */
const PASSING = ['network.offline', 'registry.unavailable'];

/** So often another device may add to the same case at the same moment before we give up. */
const ADDING_TRIES = 5;

/** Bodies that are ready to go, and the receipt that has to be shown afterwards, if it is new. */
export interface Parcel {
  readonly bodies: readonly string[];
  readonly receipt?: Receipt;
}

export class Sending {
  step = $state<'making' | 'sending' | 'waiting'>('making');
  /** Why we wait. */
  waitsFor = $state<string | undefined>();
  /** How many bodies have arrived. What was sent once is the registry's, also if the rest is stopped. */
  arrived = $state(0);
  #parcel = $state.raw<Parcel | undefined>();
  #wake: (() => void) | undefined;
  readonly #puzzle: Puzzle;

  constructor(puzzle: Puzzle) {
    this.#puzzle = puzzle;
  }

  /**
   * Seal what is not sealed yet and send what is not sent yet.
   *
   * @param seal makes the bodies; asked again where another device took the sheets they were for.
   * @param isWanted whether anybody still waits for this.
   * @returns whether all of it has arrived; not if it was not wanted any more.
   */
  async send(seal: () => Promise<Parcel>, isWanted: () => boolean): Promise<boolean> {
    for (let triesLeft = ADDING_TRIES; ; triesLeft--) {
      this.step = 'making';
      const parcel = (this.#parcel ??= await seal());
      try {
        while (isWanted() && this.arrived < parcel.bodies.length) {
          await this.#sendUntilItArrives(parcel.bodies[this.arrived] ?? '', isWanted);
          if (isWanted()) this.arrived += 1;
        }
        return isWanted();
      } catch (error) {
        // Another device has added to this case meanwhile: ours goes after it. Nothing of this sheet was taken.
        if (codeOf(error) !== 'case.taken' || triesLeft <= 1 || this.arrived > 0) throw error;
        this.forget();
      }
    }
  }

  /** How many bodies there are. */
  get total(): number {
    return this.#parcel?.bodies.length ?? 0;
  }

  /** The number of what is being sent, if it is new. */
  get receipt(): Receipt | undefined {
    return this.#parcel?.receipt;
  }

  /** Do not wait any longer for the next try. */
  tryNow(): void {
    this.#wake?.();
  }

  /** Forget what was sealed. */
  forget(): void {
    this.#parcel = undefined;
    this.arrived = 0;
  }

  async #sendUntilItArrives(body: string, isWanted: () => boolean): Promise<void> {
    for (let attempt = 0; isWanted(); attempt++) {
      if (await this.#sendOnce(body, attempt, isWanted)) return;
    }
  }

  /** One try; whether it arrived. Waits before it returns if it did not. */
  async #sendOnce(body: string, attempt: number, isWanted: () => boolean): Promise<boolean> {
    this.step = 'sending';
    try {
      await submitCase(body, this.#puzzle.prove);
      return true;
    } catch (error) {
      const code = codeOf(error);
      if (!PASSING.includes(code)) throw error;
      if (!isWanted()) return false;
      this.waitsFor = code;
      this.step = 'waiting';
      await this.#pause(RETRY_AFTER_MS[Math.min(attempt, RETRY_AFTER_MS.length - 1)] ?? 0);
      return false;
    }
  }

  /** Until the time is over, the connection comes back, or the person asks for it. */
  #pause(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        window.clearTimeout(timer);
        window.removeEventListener('online', end);
        this.#wake = undefined;
        resolve();
      };
      const timer = window.setTimeout(end, durationMs);
      window.addEventListener('online', end);
      this.#wake = end;
    });
  }
}
