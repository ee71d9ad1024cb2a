/** How a file is worked on; see `Tasks`. */
import type { AskPlayer } from './player.ts';

/** A share of the work, 0 to 1, that is done. */
export type OnShare = (share: number) => void;

export interface How {
  readonly editedCopies: boolean;
  readonly onShare: OnShare;
  readonly askPlayer: AskPlayer;
}
