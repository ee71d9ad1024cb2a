/** The registry as an operator's page speaks to it. Source: docs/protocol/console-v1.md. */
import {
  parseAdded,
  parseAuditPage,
  parseChainCheck,
  parseChallenge,
  parseEnrolment,
  parseGuardList,
  parseIssuedCode,
  parseOperators,
  parseOverview,
  parsePasskeyRequest,
  parseQuarantine,
  parseSession,
  type AsideEntry,
  type AuditLine,
  type ChainCheck,
  type Enrolment,
  type GuardedFingerprint,
  type GuardList,
  type IssuedCode,
  type Operator,
  type Overview,
  type PasskeyChallenge,
  type PasskeyRequest,
  type Role,
  type Session,
} from '../core/console_wire.ts';
import type { Algorithm } from '../core/fingerprint.ts';
import {
  parseIssuedKey,
  parseOffers,
  parsePartners,
  parsePartnerStatistics,
  type IssuedKey,
  type Offers,
  type OfferState,
  type PartnerCounts,
  type Partners,
  type Terms,
} from '../core/partners_wire.ts';
import { call, type Outgoing } from './request.ts';

const BASE = '/operator/v1';

/** A new passkey, in base64 for URLs. */
export interface PasskeyCreated {
  readonly credential_id: string;
  readonly client_data: string;
  readonly attestation: string;
}

/** An authenticator's answer, in base64 for URLs. */
export interface PasskeyAnswer {
  readonly credential_id: string;
  readonly client_data: string;
  readonly authenticator_data: string;
  readonly signature: string;
}

async function ask(method: Outgoing['method'], path: string, body?: object): Promise<string> {
  return call({ method, path: BASE + path, ...(body === undefined ? {} : { json: JSON.stringify(body) }) });
}

export async function fetchSession(): Promise<Session> {
  return parseSession(await ask('GET', '/session'));
}

export async function fetchSignInChallenge(): Promise<PasskeyChallenge> {
  return parseChallenge(await ask('POST', '/session/passkey/challenge'));
}

export async function signInWithPasskey(answer: PasskeyAnswer): Promise<void> {
  await ask('POST', '/session/passkey', answer);
}

export async function signInWithPassword(name: string, password: string, code: string): Promise<void> {
  await ask('POST', '/session/password', { name, password, code });
}

export async function signOut(): Promise<void> {
  await ask('DELETE', '/session');
}

export async function openEnrolment(code: string): Promise<Enrolment> {
  return parseEnrolment(await ask('POST', '/enrolment', { code }));
}

export async function choosePassword(code: string, password: string, totp: string): Promise<void> {
  await ask('POST', '/enrolment/password', { code, password, totp });
}

export async function choosePasskey(code: string, passkey: PasskeyCreated): Promise<void> {
  await ask('POST', '/enrolment/passkey', { code, passkey });
}

export async function fetchPasskeyRequest(): Promise<PasskeyRequest> {
  return parsePasskeyRequest(await ask('POST', '/passkeys/challenge'));
}

export async function addPasskey(passkey: PasskeyCreated): Promise<void> {
  await ask('POST', '/passkeys', passkey);
}

export async function fetchOverview(): Promise<Overview> {
  return parseOverview(await ask('GET', '/overview'));
}

export async function fetchPartners(): Promise<Partners> {
  return parsePartners(await ask('GET', '/partners'));
}

export async function addPartner(name: string, lists: readonly Algorithm[]): Promise<IssuedKey> {
  return parseIssuedKey(await ask('POST', '/partners', { name, lists }));
}

export async function scopePartner(id: string, lists: readonly Algorithm[]): Promise<void> {
  await ask('PUT', `/partners/${id}/lists`, { lists });
}

export async function setTerms(id: string, terms: Terms): Promise<void> {
  const { scopes, perMinute, networks } = terms;
  await ask('PUT', `/partners/${id}/terms`, { scopes, per_minute: perMinute, networks });
}

export async function fetchPartnerStatistics(): Promise<readonly PartnerCounts[]> {
  return parsePartnerStatistics(await ask('GET', '/partners/statistics'));
}

export async function fetchOffers(state: OfferState): Promise<Offers> {
  return parseOffers(await ask('GET', `/offers?state=${state}`));
}

export async function decideOffer(id: string, decision: 'take' | 'refuse' | 'withdraw'): Promise<void> {
  await ask('POST', `/offers/${id}/${decision}`);
}

export async function rotatePartner(id: string, overlapDays: number): Promise<IssuedKey> {
  return parseIssuedKey(await ask('POST', `/partners/${id}/key`, { overlap_days: overlapDays }));
}

export async function endOldKeys(id: string): Promise<void> {
  await ask('POST', `/partners/${id}/confirm`);
}

export async function revokePartner(id: string): Promise<void> {
  await ask('DELETE', `/partners/${id}`);
}

export async function fetchOperators(): Promise<readonly Operator[]> {
  return parseOperators(await ask('GET', '/operators'));
}

export async function addOperator(name: string, role: Role): Promise<IssuedCode> {
  return parseIssuedCode(await ask('POST', '/operators', { name, role }));
}

export async function newLink(id: string): Promise<IssuedCode> {
  return parseIssuedCode(await ask('POST', `/operators/${id}/code`));
}

export async function setRole(id: string, role: Role): Promise<void> {
  await ask('PUT', `/operators/${id}/role`, { role });
}

export async function removeOperator(id: string): Promise<void> {
  await ask('DELETE', `/operators/${id}`);
}

export async function fetchAudit(before?: number): Promise<readonly AuditLine[]> {
  return parseAuditPage(await ask('GET', before === undefined ? '/audit' : `/audit?before=${before}`));
}

export async function checkAudit(): Promise<ChainCheck> {
  return parseChainCheck(await ask('POST', '/audit/check'));
}

export async function fetchQuarantine(): Promise<readonly AsideEntry[]> {
  return parseQuarantine(await ask('GET', '/quarantine'));
}

export async function takeOff(entryId: string): Promise<void> {
  await ask('POST', `/quarantine/${entryId}/take-off`);
}

export async function restoreEntry(entryId: string): Promise<void> {
  await ask('POST', `/quarantine/${entryId}/restore`);
}

export async function removeEntry(entryId: string): Promise<void> {
  await ask('POST', `/quarantine/${entryId}/remove`);
}

export async function fetchGuardList(): Promise<GuardList> {
  return parseGuardList(await ask('GET', '/guard'));
}

/** How many were new. */
export async function addToGuardList(fingerprints: readonly GuardedFingerprint[], note: string): Promise<number> {
  return parseAdded(await ask('POST', '/guard', { fingerprints, note }));
}

export async function removeFromGuardList(guardId: string): Promise<void> {
  await ask('DELETE', `/guard/${guardId}`);
}

export async function admitEntry(entryId: string): Promise<void> {
  await ask('POST', `/guard/waiting/${entryId}/admit`);
}

export async function rejectEntry(entryId: string): Promise<void> {
  await ask('POST', `/guard/waiting/${entryId}/reject`);
}
