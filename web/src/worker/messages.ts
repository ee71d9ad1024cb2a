/** What a page and its worker say to each other. Values are plain, so that they cross by structured clone. */
import type { GreyPixels } from '../core/pdq.ts';
import type { CaseContent } from '../core/case_content.ts';
import type { Fingerprint, PictureFingerprints } from '../core/fingerprint.ts';
import type { Puzzle } from '../core/proof.ts';
import type { CaseKeys, Sealed } from '../core/sealing.ts';
import type { Receipt } from '../core/receipt.ts';
import type { About } from '../core/wire.ts';

/** What a worker can be asked for: each task's input and its answer. */
export interface Tasks {
  fingerprint: { input: { file: Blob; editedCopies: boolean }; answer: Fingerprint[] };
  seal: {
    input: { pictures: readonly PictureFingerprints[]; day: string; about: About | undefined };
    answer: Sealed;
  };
  /** The bodies for sheets that are still free. */
  sealMore: {
    input: { keys: readonly CaseKeys[]; pictures: readonly PictureFingerprints[]; day: string };
    answer: string[];
  };
  /** The keys of every sheet a receipt can have. */
  derive: { input: { receipt: Receipt }; answer: CaseKeys[] };
  /** What ties a proof to a request, and the proof itself. */
  bind: { input: { path: string; body: string }; answer: string };
  prove: { input: { puzzle: Puzzle }; answer: string };
  /** The sheets there are, with their keys in the same order. */
  open: { input: { keys: readonly CaseKeys[]; sealed: readonly string[] }; answer: CaseContent[] };
}

export type TaskName = keyof Tasks;

/** A task with a number that its answer repeats. */
export type Request = { [Name in TaskName]: { id: number; task: Name; input: Tasks[Name]['input'] } }[TaskName];

/** Instead of a task: give up those that are under way. Each of them still answers, with `device.stopped`. */
export interface Stop {
  readonly stop: true;
}

/** Instead of a task: fetch the code for videos before there is one, so that it is there when the connection is not. */
export interface Prepare {
  readonly prepare: 'videos';
}

/** `started` comes once. `share` may come any number of times; then exactly one of the others. `code` is a Problem's. */
export type Reply =
  | { kind: 'started' }
  | { id: number; kind: 'share'; share: number }
  | { id: number; kind: 'answer'; answer: Tasks[TaskName]['answer'] }
  | { id: number; kind: 'problem'; code: string }
  | { id: number; kind: 'player'; ask: number; wish: PlayerWish };

/**
 * What a worker asks the page for where it cannot decode a video itself: the page has a video element. `atS` is in
 * seconds from the beginning.
 */
export type PlayerWish = { want: 'duration' } | { want: 'picture'; atS: number } | { want: 'end' };

/** The page's answer: seconds, a picture as grey values, or nothing where the element cannot either. */
export interface PlayerAnswer {
  readonly ask: number;
  readonly durationS?: number;
  readonly picture?: GreyPixels;
}
