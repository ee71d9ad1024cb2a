/**
 * The one place where a page speaks to its server: same origin, no referrer, and every failure is a `Problem`.
 *
 * Nothing is retried here; whoever asks decides whether that is safe.
 */
import { Problem } from '../core/problem.ts';
import { problemCode } from '../core/wire.ts';

const TIMEOUT_MS = 30_000;

/** What is sent. `json` is a body that has been serialised (and padded) already. */
export interface Outgoing {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly json?: string;
  readonly bytes?: Blob;
  /** A solved puzzle, where the server asks for one. */
  readonly proof?: string | undefined;
}

/**
 * Send a request and give the reply's text.
 *
 * @throws Problem `network.offline` when no reply came, or the code of the problem+json that did.
 */
export async function call({ method, path, json, bytes, proof }: Outgoing): Promise<string> {
  const body = json ?? bytes;
  const type = json === undefined ? 'application/octet-stream' : 'application/json';
  let status: number;
  let text: string;
  try {
    const response = await fetch(path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': type }),
        ...(proof === undefined ? {} : { 'Takeback-Proof': proof }),
      },
      ...(body === undefined ? {} : { body }),
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    status = response.status;
    text = await response.text();
  } catch {
    throw new Problem('network.offline');
  }
  if (status < 200 || status > 299) throw refusal(status, text);
  return text;
}

function refusal(status: number, text: string): Problem {
  const code = problemCode(text);
  if (code !== 'reply.refused') return new Problem(code);
  return new Problem(status >= 500 ? 'registry.unavailable' : code);
}
