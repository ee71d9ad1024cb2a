/** Replies of the sample photo wall. */
import { Reader } from './parse.ts';

export const UPLOAD_STATES = ['published', 'waiting', 'removed'] as const;
export type UploadState = (typeof UPLOAD_STATES)[number];

/** One's own picture and what has become of it. */
export interface Upload {
  readonly id: string;
  readonly state: UploadState;
}

/** A published picture. `url` is a path on the wall's own site; `postedS` is Unix seconds. */
export interface WallPhoto {
  readonly id: string;
  readonly url: string;
  readonly postedS: number;
  readonly media: 'image' | 'video';
}

const REPLY = 'reply.malformed';
const ID = /^[A-Za-z0-9_.:-]{1,128}$/;
/** A path, and not `//host/…`, which would be another site. */
const OWN_PATH = /^\/(?!\/)[A-Za-z0-9_.:/?=&%-]{1,300}$/;

/** Reply of `POST /api/photos` and `GET /api/photos/{id}`. */
export function parseUpload(untrustedText: string): Upload {
  const read = new Reader(REPLY);
  const upload = read.record(read.json(untrustedText));
  return { id: read.text(upload['id'], ID), state: read.oneOf(upload['state'], UPLOAD_STATES) };
}

/** Reply of `GET /api/photos`. */
export function parseWall(untrustedText: string): WallPhoto[] {
  const read = new Reader(REPLY);
  return read.list(read.record(read.json(untrustedText))['photos'], (untrusted) => {
    const photo = read.record(untrusted);
    return {
      id: read.text(photo['id'], ID),
      url: read.text(photo['url'], OWN_PATH),
      postedS: read.whole(photo['posted'], 0),
      media: read.oneOf(photo['media'], ['image', 'video']),
    };
  });
}
