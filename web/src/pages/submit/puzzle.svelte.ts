/** The registry's puzzle for one request, solved in the worker while the page shows how far it is. */
import { fetchPuzzle } from '../../api/registry.ts';
import type { Device } from './device.ts';

export class Puzzle {
  isBeingSolved = $state(false);
  /** How much of it is done at most, 0 to 1. */
  share = $state(0);
  readonly #device: Device;

  constructor(device: Device) {
    this.#device = device;
  }

  /** The solution for a request; undefined where the registry asks for none (case-v1 §9). */
  readonly prove = async (path: string, body: string): Promise<string | undefined> => {
    const puzzle = await fetchPuzzle(await this.#device.run('bind', { path, body }));
    if (puzzle === undefined) return undefined;
    this.share = 0;
    this.isBeingSolved = true;
    try {
      return await this.#device.run('prove', { puzzle }, (share) => {
        this.share = share;
      });
    } finally {
      this.isBeingSolved = false;
    }
  };
}
