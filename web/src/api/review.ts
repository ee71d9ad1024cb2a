/** The platform kit as the review page speaks to it. Source: docs/protocol/platform-v1.md §4. */
import { parseQueue, type Action, type Queue, type Reason } from '../core/review_wire.ts';
import { call } from './request.ts';

/** Start a session. The server answers with a cookie that this code cannot read. */
export async function signIn(code: string, reviewer: string): Promise<void> {
  await call({ method: 'POST', path: '/v1/session', json: JSON.stringify({ code, reviewer }) });
}

/** End the session. */
export async function signOut(): Promise<void> {
  await call({ method: 'DELETE', path: '/v1/session' });
}

/** The open leads. */
export async function fetchQueue(): Promise<Queue> {
  return parseQueue(await call({ method: 'GET', path: '/v1/leads?state=open' }));
}

/** Record a decision. */
export async function decide(leadId: string, action: Action, reason: Reason): Promise<void> {
  await call({ method: 'POST', path: `/v1/leads/${leadId}/decision`, json: JSON.stringify({ action, reason }) });
}

/** Where the small blurred picture of a lead is. */
export function previewPath(leadId: string): string {
  return `/v1/leads/${leadId}/preview`;
}

/** Where the picture itself is. Asking for it is recorded, so it is asked for only when the reviewer chooses to look. */
export function picturePath(leadId: string): string {
  return `/v1/leads/${leadId}/picture`;
}

/** Where a small blurred picture of a video's filmstrip is. */
export function framePreviewPath(leadId: string, frame: number): string {
  return `/v1/leads/${leadId}/frames/${frame}/preview`;
}

/** Where that picture itself is. Asking for it is recorded. */
export function framePicturePath(leadId: string, frame: number): string {
  return `/v1/leads/${leadId}/frames/${frame}/picture`;
}
