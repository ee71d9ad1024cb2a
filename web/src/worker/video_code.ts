/**
 * The code for videos, which is more than all the rest and which most people do not need: it comes after the page is
 * ready, or when the first video does.
 */
import { Problem } from '../core/problem.ts';

type VideoCode = typeof import('./video.ts');

/**
 * The code for videos.
 *
 * @throws Problem `code.missing` if it is not here yet and there is no connection.
 */
export async function videoCode(): Promise<VideoCode> {
  try {
    return await import('./video.ts');
  } catch {
    throw new Problem('code.missing');
  }
}
