/** The sample photo wall as its page speaks to it. */
import { parseUpload, parseWall, type Upload, type WallPhoto } from '../core/wall_wire.ts';
import { call } from './request.ts';

/** Post a picture: its bytes are the body. */
export async function postPhoto(photo: Blob): Promise<Upload> {
  return parseUpload(await call({ method: 'POST', path: '/api/photos', bytes: photo }));
}

/** What has become of one's own picture. */
export async function uploadState(id: string): Promise<Upload> {
  return parseUpload(await call({ method: 'GET', path: `/api/photos/${id}` }));
}

/** The published pictures. */
export async function fetchWall(): Promise<WallPhoto[]> {
  return parseWall(await call({ method: 'GET', path: '/api/photos' }));
}
