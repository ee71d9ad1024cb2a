/** A video whose pictures the page's video element gives, because this worker cannot decode it. docs/video.md §3.5. */
import type { Luma } from '../core/luma.ts';
import { Problem } from '../core/problem.ts';
import { MAX_DURATION_S, ticksASecond } from '../core/video.ts';
import type { PlayerAnswer, PlayerWish } from './messages.ts';
import type { OpenVideo } from './video_pictures.ts';

/** Puts a wish to the page and waits for its answer. */
export type AskPlayer = (wish: PlayerWish) => Promise<PlayerAnswer>;

/**
 * Open the video in the page.
 *
 * @throws Problem `media.codec` if the page cannot play it either.
 */
export async function openInPlayer(ask: AskPlayer): Promise<OpenVideo> {
  const { durationS } = await ask({ want: 'duration' });
  if (durationS === undefined) throw new Problem('media.codec');
  return {
    durationS: Math.min(durationS, MAX_DURATION_S),
    picturesAt: (ticks) => picturesAt(ask, ticks, ticksASecond(durationS)),
    close: () => {
      void ask({ want: 'end' });
    },
  };
}

async function* picturesAt(
  ask: AskPlayer,
  ticks: readonly number[],
  ticksASecond: number,
): AsyncGenerator<{ tick: number; luma: Luma }> {
  for (const tick of ticks) {
    const { picture } = await ask({ want: 'picture', atS: tick / ticksASecond });
    if (picture !== undefined) yield { tick, luma: { pixels: picture, fullRange: true } };
  }
}
