/** The registry as a person's device speaks to it. Source: docs/protocol/case-v1.md §5 and §6. */
import {
  openBody,
  parseAccepted,
  parseSealedCase,
  parseStatuses,
  parseTerms,
  tokensBody,
  WISHES,
  type HoldStatus,
  type Terms,
  type Wish,
} from '../core/wire.ts';
import { Problem } from '../core/problem.ts';
import { challengeBody, parsePuzzle, type Puzzle } from '../core/proof.ts';
import { call } from './request.ts';

/** Solves the puzzle for one request (§9); `undefined` where the registry asks for none. */
export type Prove = (path: string, body: string) => Promise<string | undefined>;

/** A new puzzle for the request that `binding` stands for. */
export async function fetchPuzzle(binding: string): Promise<Puzzle | undefined> {
  const reply = await call({ method: 'POST', path: '/v1/challenges', json: challengeBody(binding) });
  return parsePuzzle(reply, binding);
}

/** Send, and once more with a fresh proof if the registry wants one, or another one. */
async function postProved(path: string, json: string, prove: Prove, proof?: string): Promise<string> {
  try {
    return await call({ method: 'POST', path, json, proof });
  } catch (error) {
    if (!(error instanceof Problem) || !error.code.startsWith('proof.')) throw error;
  }
  return call({ method: 'POST', path, json, proof: await prove(path, json) });
}

/** Send a submission; the same `body` may be sent any number of times (§5.3), each time with a proof of its own. */
export async function submitCase(body: string, prove: Prove): Promise<void> {
  const path = '/v1/cases';
  parseAccepted(await postProved(path, body, prove, await prove(path, body)), ['being_added']);
}

/** What the registry's operator has set that a person should know. */
export async function fetchTerms(): Promise<Terms> {
  return parseTerms(await call({ method: 'GET', path: '/v1/terms' }));
}

/** The sealed sheets of these ids (32 hexadecimal digits) that there are, in base64. */
export async function fetchCase(caseIds: readonly string[]): Promise<string[]> {
  return parseSealedCase(await call({ method: 'POST', path: '/v1/cases/open', json: openBody(caseIds) }));
}

/** The registry answers about so many tokens at a time (§6.2). */
const MAX_TOKENS = 200;

function parts(tokens: readonly string[]): (readonly string[])[] {
  return Array.from({ length: Math.ceil(tokens.length / MAX_TOKENS) }, (_, i) =>
    tokens.slice(i * MAX_TOKENS, (i + 1) * MAX_TOKENS),
  );
}

/** What has become of the holds these tokens answer for, in their order. */
export async function holdStatuses(tokens: readonly string[], prove: Prove): Promise<HoldStatus[]> {
  const statuses: HoldStatus[] = [];
  for (const part of parts(tokens)) {
    const reply = await postProved('/v1/holds/status', tokensBody(part), prove);
    statuses.push(...parseStatuses(reply, part.length));
  }
  return statuses;
}

/** Take holds back, undo that while it waits, or let them last longer. Doing it twice changes nothing. */
export async function wishForHolds(wish: Wish, tokens: readonly string[], prove: Prove): Promise<void> {
  for (const part of parts(tokens)) {
    parseAccepted(await postProved(`/v1/holds/${wish}`, tokensBody(part), prove), WISHES[wish]);
  }
}
