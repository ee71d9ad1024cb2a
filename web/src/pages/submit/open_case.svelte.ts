/** The case that a number opened: its keys, what is in it, and how it is going. In memory only. */
import { fetchCase, holdStatuses, wishForHolds } from '../../api/registry.ts';
import { toHex } from '../../core/bytes.ts';
import type { CaseContent, Hold } from '../../core/case_content.ts';
import type { PictureFingerprints } from '../../core/fingerprint.ts';
import type { Receipt } from '../../core/receipt.ts';
import type { CaseKeys } from '../../core/sealing.ts';
import { pictureStatuses, type PictureStatus } from '../../core/status.ts';
import type { Wish } from '../../core/wire.ts';
import type { Device } from './device.ts';
import type { Puzzle } from './puzzle.svelte.ts';
import { today } from './today.ts';

/** The keys of all its sheets, and what is on those there are. */
interface Opened {
  readonly keys: readonly CaseKeys[];
  readonly sheets: readonly CaseContent[];
}

export class OpenCase {
  day = $state('');
  statuses = $state.raw<readonly PictureStatus[]>([]);
  #opened: Opened | undefined;
  #asked = 0;
  readonly #device: Device;
  readonly #puzzle: Puzzle;

  constructor(device: Device, puzzle: Puzzle) {
    this.#device = device;
    this.#puzzle = puzzle;
  }

  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  /** Open the case of a receipt and ask how it is going. Nothing of it is shown if `isWanted` says no by then. */
  async open(receipt: Receipt, isWanted: () => boolean): Promise<void> {
    await this.#show(await this.#device.run('derive', { receipt }), isWanted);
  }

  /** Look into the open case anew: something was added. */
  async reopen(isWanted: () => boolean): Promise<void> {
    if (this.#opened !== undefined) await this.#show(this.#opened.keys, isWanted);
  }

  /** Ask again how it is going. Of two questions under way the later one counts. */
  async refresh(isWanted: () => boolean): Promise<void> {
    if (this.#opened === undefined) return;
    const asked = ++this.#asked;
    const statuses = await this.#ask(this.#opened);
    if (isWanted() && asked === this.#asked) this.statuses = statuses;
  }

  /** Take these holds back, undo that, or let them last longer. */
  async wish(wish: Wish, tokens: readonly string[]): Promise<void> {
    await wishForHolds(wish, tokens, this.#puzzle.prove);
  }

  /** Bodies for further pictures of this case; their numbers go on after those there are. */
  async sealMore(pictures: readonly PictureFingerprints[]): Promise<string[]> {
    if (this.#opened === undefined) return [];
    const { keys, sheets } = await this.#look(this.#opened.keys);
    const last = Math.max(0, ...sheets.flatMap(({ holds }) => holds.map(({ file }) => file)));
    const numbered = pictures.map(({ file, fingerprints }) => ({ file: last + file, fingerprints }));
    return this.#device.run('sealMore', { keys: keys.slice(sheets.length), pictures: numbered, day: today() });
  }

  forget(): void {
    this.#opened = undefined;
    this.#asked += 1;
    this.day = '';
    this.statuses = [];
  }

  async #show(keys: readonly CaseKeys[], isWanted: () => boolean): Promise<void> {
    const opened = await this.#look(keys);
    const statuses = await this.#ask(opened);
    if (!isWanted()) return;
    this.#opened = opened;
    this.#asked += 1;
    this.day = opened.sheets[0]?.day ?? '';
    this.statuses = statuses;
  }

  async #look(keys: readonly CaseKeys[]): Promise<Opened> {
    const sealed = await fetchCase(keys.map(({ caseId }) => toHex(caseId)));
    return { keys, sheets: await this.#device.run('open', { keys, sealed }) };
  }

  async #ask({ sheets }: Opened): Promise<PictureStatus[]> {
    const holds: Hold[] = sheets.flatMap((sheet) => sheet.holds);
    const tokens = holds.map(({ token }) => token);
    return pictureStatuses(holds, await holdStatuses(tokens, this.#puzzle.prove));
  }
}
