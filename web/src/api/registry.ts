/** The registry as a person's device speaks to it. Source: docs/protocol/case-v1.md §5 and §6. */
import { openBody, parseAccepted, parseSealedCase, parseStatuses, tokensBody, type HoldStatus } from '../core/wire.ts';
import { call } from './request.ts';

/** Send a submission; the same `body` may be sent any number of times (§5.3). */
export async function submitCase(body: string): Promise<void> {
  parseAccepted(await call({ method: 'POST', path: '/v1/cases', json: body }), 'being_added');
}

/** The sealed case of this id (32 hexadecimal digits), in base64. */
export async function fetchCase(caseId: string): Promise<string> {
  return parseSealedCase(await call({ method: 'POST', path: '/v1/cases/open', json: openBody(caseId) }));
}

/** What has become of the holds these tokens answer for, in their order. */
export async function holdStatuses(tokens: readonly string[]): Promise<HoldStatus[]> {
  const reply = await call({ method: 'POST', path: '/v1/holds/status', json: tokensBody(tokens) });
  return parseStatuses(reply, tokens.length);
}

/** Take holds back. Doing it twice changes nothing. */
export async function withdrawHolds(tokens: readonly string[]): Promise<void> {
  parseAccepted(await call({ method: 'POST', path: '/v1/holds/withdraw', json: tokensBody(tokens) }), 'withdrawn');
}
