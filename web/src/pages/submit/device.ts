/** The page's end of its worker: tasks as promises, with progress, and an end to all of it at any moment. */
import { Problem } from '../../core/problem.ts';
import type { PlayerWish, Reply, TaskName, Tasks } from '../../worker/messages.ts';
import { Player } from './player.ts';

interface Pending {
  readonly resolve: (answer: Tasks[TaskName]['answer']) => void;
  readonly reject: (problem: Problem) => void;
  readonly onShare: (share: number) => void;
  /** For the worker to ask, should it not be able to decode a video. */
  readonly player: Player | undefined;
}

/** Owns one worker, started when the first task comes and again after `stop`. */
export class Device {
  #worker: Worker | undefined;
  #nextId = 1;
  readonly #pending = new Map<number, Pending>();

  /**
   * Do a task.
   *
   * @param onShare is told what share of the work, 0 to 1, is done.
   * @returns the answer; rejects with a Problem: the task's own, `device.failed`, or `device.stopped`.
   */
  run<Name extends TaskName>(
    task: Name,
    input: Tasks[Name]['input'],
    onShare: (share: number) => void = () => undefined,
  ): Promise<Tasks[Name]['answer']> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const player = 'file' in input ? new Player(input.file) : undefined;
      this.#pending.set(id, { resolve: resolve, reject, onShare, player });
      this.#started().postMessage({ id, task, input });
    });
  }

  /** Load the worker's code, so that it is there when the connection is not. */
  warmUp(): void {
    this.#started();
  }

  /** End the worker and whatever it was doing. Its memory, pictures included, is gone with it. */
  stop(): void {
    this.#end('device.stopped');
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(new URL('../../worker/main.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', (event: MessageEvent<Reply>) => {
      this.#heard(event.data);
    });
    worker.addEventListener('error', () => {
      this.#end('device.failed');
    });
    this.#worker = worker;
    return worker;
  }

  #heard(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    if (reply.kind === 'share') {
      pending.onShare(reply.share);
      return;
    }
    if (reply.kind === 'player') {
      void this.#askPlayer(pending.player, reply.ask, reply.wish);
      return;
    }
    this.#pending.delete(reply.id);
    pending.player?.close();
    if (reply.kind === 'answer') pending.resolve(reply.answer);
    else pending.reject(new Problem(reply.code));
  }

  async #askPlayer(player: Player | undefined, ask: number, wish: PlayerWish): Promise<void> {
    const worker = this.#worker;
    const answer = await player?.fulfil(wish);
    // A worker that was ended meanwhile asks for nothing any more.
    if (worker === this.#worker) worker?.postMessage({ ...answer, ask });
  }

  #end(code: string): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    const open = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject, player } of open) {
      player?.close();
      reject(new Problem(code));
    }
  }
}
