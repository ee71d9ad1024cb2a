/**
 * The page's end of its worker: tasks as promises, with progress, and an end to all of it at any moment.
 *
 * A worker's code is not kept by the browser (no page of ours is), so one that was ended can only be started again with
 * a connection. So `stop` ends the old worker when the new one is there, and until then makes do with the old one: who
 * presses Stop in a tunnel is not stuck there.
 */
import { Problem } from '../../core/problem.ts';
import type { PlayerWish, Prepare, Reply, Request, Stop, TaskName, Tasks } from '../../worker/messages.ts';
import { Player } from './player.ts';

interface Pending {
  readonly request: Request;
  readonly resolve: (answer: Tasks[TaskName]['answer']) => void;
  readonly reject: (problem: Problem) => void;
  readonly onShare: (share: number) => void;
  /** For the worker to ask, should it not be able to decode a video. */
  readonly player: Player | undefined;
}

/** Owns a worker, and for a moment the one that takes its place. */
export class Device {
  #worker: Worker | undefined;
  #next: Worker | undefined;
  #nextId = 1;
  readonly #started = new WeakSet<Worker>();
  readonly #pending = new Map<number, Pending>();

  /**
   * Do a task.
   *
   * @param onShare is told what share of the work, 0 to 1, is done.
   * @returns the answer; rejects with a Problem: the task's own, `device.failed`, `device.stopped`, or `code.missing`
   *   if the worker's code is not here and there is no connection.
   */
  run<Name extends TaskName>(
    task: Name,
    input: Tasks[Name]['input'],
    onShare: (share: number) => void = () => undefined,
  ): Promise<Tasks[Name]['answer']> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const player = 'file' in input ? new Player(input.file) : undefined;
      const request = { id, task, input } as Request;
      this.#pending.set(id, { request, resolve: resolve, reject, onShare, player });
      this.warmUp();
      this.#worker?.postMessage(request);
    });
  }

  /** Load the worker's code, so that it is there when the connection is not. */
  warmUp(): void {
    this.#worker ??= this.#start();
  }

  /** Give up whatever is going on, and let a new worker take the place of the old one, pictures and all. */
  stop(): void {
    this.#rejectAll('device.stopped');
    const stop: Stop = { stop: true };
    this.#worker?.postMessage(stop);
    if (this.#worker !== undefined && this.#started.has(this.#worker)) this.#next ??= this.#start();
    else this.warmUp();
  }

  /** End it for good: the page is being left. */
  end(): void {
    this.#rejectAll('device.stopped');
    this.#worker?.terminate();
    this.#next?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('../../worker/main.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', (event: MessageEvent<Reply>) => {
      this.#heard(worker, event.data);
    });
    worker.addEventListener('error', () => {
      this.#failed(worker);
    });
    return worker;
  }

  #heard(worker: Worker, reply: Reply): void {
    if (reply.kind === 'started') {
      this.#started.add(worker);
      const prepare: Prepare = { prepare: 'videos' };
      if (!sparesData()) worker.postMessage(prepare);
      if (worker === this.#next) this.#takeOver(worker);
      return;
    }
    if (worker !== this.#worker) return;
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    if (reply.kind === 'share') {
      pending.onShare(reply.share);
      return;
    }
    if (reply.kind === 'player') {
      void this.#askPlayer(worker, pending.player, reply.ask, reply.wish);
      return;
    }
    this.#pending.delete(reply.id);
    pending.player?.close();
    if (reply.kind === 'answer') pending.resolve(reply.answer);
    else pending.reject(new Problem(reply.code));
  }

  /** The new worker begins anew with what the old one was asked meanwhile, should that be stuck in what was stopped. */
  #takeOver(worker: Worker): void {
    this.#worker?.terminate();
    this.#worker = worker;
    this.#next = undefined;
    for (const { request, player } of this.#pending.values()) {
      player?.close();
      worker.postMessage(request);
    }
  }

  async #askPlayer(worker: Worker, player: Player | undefined, ask: number, wish: PlayerWish): Promise<void> {
    const answer = await player?.fulfil(wish);
    worker.postMessage({ ...answer, ask }); // one that was ended meanwhile does not hear it
  }

  #failed(worker: Worker): void {
    worker.terminate();
    if (worker === this.#next) this.#next = undefined;
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    this.#rejectAll(this.#started.has(worker) ? 'device.failed' : 'code.missing');
  }

  #rejectAll(code: string): void {
    const open = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject, player } of open) {
      player?.close();
      reject(new Problem(code));
    }
  }
}

/** Whether the person has asked the browser to spare data, as far as it says so. */
function sparesData(): boolean {
  const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } };
  return connection?.saveData === true;
}
