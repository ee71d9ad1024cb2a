/** The worker: heavy work off the page's thread. It has no network code, and the page can end it at any moment. */
import { toHex } from '../core/bytes.ts';
import type { CaseContent } from '../core/case_content.ts';
import { Problem } from '../core/problem.ts';
import { bindingInput } from '../core/proof.ts';
import {
  deriveSheets,
  openContent,
  sealSheets,
  sealSubmission,
  type CaseKeys,
  type Primitives,
} from '../core/sealing.ts';
import { fingerprintFile } from './fingerprinting.ts';
import type { PlayerAnswer, PlayerWish, Prepare, Reply, Request, Stop, TaskName, Tasks } from './messages.ts';
import { webPrimitives } from './primitives.ts';
import { solvePuzzle } from './proving.ts';
import { videoCode } from './video_code.ts';

const scope = self as unknown as DedicatedWorkerGlobalScope;

function reply(message: Reply): void {
  scope.postMessage(message);
}

const playerAnswers = new Map<number, (answer: PlayerAnswer) => void>();
let nextAsk = 1;

function askPlayer(id: number, wish: PlayerWish): Promise<PlayerAnswer> {
  const ask = nextAsk++;
  return new Promise((resolve) => {
    playerAnswers.set(ask, resolve);
    reply({ id, kind: 'player', ask, wish });
  });
}

function heardPlayer(answer: PlayerAnswer): void {
  playerAnswers.get(answer.ask)?.(answer);
  playerAnswers.delete(answer.ask);
}

/** Tasks up to this number are given up at their next sign of life. */
let stoppedUpTo = 0;
let newest = 0;

/** How far a task is; ends one that nobody waits for any more. */
function shareOf({ id }: Request): (share: number) => void {
  return (share) => {
    if (id <= stoppedUpTo) throw new Problem('device.stopped');
    reply({ id, kind: 'share', share });
  };
}

async function work(request: Request): Promise<Tasks[TaskName]['answer']> {
  const device = webPrimitives(scope.crypto);
  switch (request.task) {
    case 'fingerprint':
      return fingerprintFile(request.input.file, {
        editedCopies: request.input.editedCopies,
        onShare: shareOf(request),
        askPlayer: (wish) => askPlayer(request.id, wish),
      });
    case 'seal':
      return sealSubmission(device, request.input.pictures, request.input.day, request.input.about);
    case 'sealMore':
      return sealSheets(device, request.input.keys, request.input.pictures, request.input.day);
    case 'derive':
      return deriveSheets(device, request.input.receipt);
    case 'bind':
      return toHex(await device.sha256(bindingInput(request.input.path, request.input.body)));
    case 'prove':
      return solvePuzzle(request.input.puzzle, shareOf(request));
    case 'open':
      return openSheets(device, request.input.keys, request.input.sealed);
  }
}

async function openSheets(
  device: Primitives,
  keys: readonly CaseKeys[],
  sealed: readonly string[],
): Promise<CaseContent[]> {
  const contents: CaseContent[] = [];
  for (const [i, sheet] of sealed.entries()) {
    const key = keys[i];
    if (key === undefined) throw new Problem('case.damaged'); // more sheets than were asked for
    contents.push(await openContent(device, key, sheet));
  }
  return contents;
}

scope.addEventListener('message', (event: MessageEvent<Request | PlayerAnswer | Stop | Prepare>) => {
  if ('ask' in event.data) {
    heardPlayer(event.data);
    return;
  }
  if ('prepare' in event.data) {
    videoCode().catch(() => undefined); // tried again when it is needed
    return;
  }
  if ('stop' in event.data) {
    stoppedUpTo = newest;
    return;
  }
  const { id } = event.data;
  newest = id;
  work(event.data).then(
    (answer) => {
      reply({ id, kind: 'answer', answer });
    },
    (error: unknown) => {
      reply({ id, kind: 'problem', code: error instanceof Problem ? error.code : 'device.failed' });
    },
  );
});

reply({ kind: 'started' });
