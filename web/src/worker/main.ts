/** The worker: heavy work off the page's thread. It has no network code, and the page can end it at any moment. */
import { Problem } from '../core/problem.ts';
import { deriveKeys, openContent, sealSubmission } from '../core/sealing.ts';
import { fingerprintPicture } from './fingerprinting.ts';
import type { Reply, Request, TaskName, Tasks } from './messages.ts';
import { webPrimitives } from './primitives.ts';

const scope = self as unknown as DedicatedWorkerGlobalScope;

function reply(message: Reply): void {
  scope.postMessage(message);
}

async function work(request: Request): Promise<Tasks[TaskName]['answer']> {
  const device = webPrimitives(scope.crypto);
  switch (request.task) {
    case 'fingerprint':
      return fingerprintPicture(request.input.file, request.input.editedCopies, (share) => {
        reply({ id: request.id, kind: 'share', share });
      });
    case 'seal':
      return sealSubmission(device, request.input.pictures, request.input.day);
    case 'derive':
      return deriveKeys(device, request.input.receipt);
    case 'open':
      return openContent(device, request.input.keys, request.input.sealed);
  }
}

scope.addEventListener('message', (event: MessageEvent<Request>) => {
  const { id } = event.data;
  work(event.data).then(
    (answer) => {
      reply({ id, kind: 'answer', answer });
    },
    (error: unknown) => {
      reply({ id, kind: 'problem', code: error instanceof Problem ? error.code : 'device.failed' });
    },
  );
});
