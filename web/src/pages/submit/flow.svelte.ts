/**
 * Where the person is and what they have, in memory only. The views show it and call its verbs.
 *
 * Anything that takes time checks `#turn` when it comes back: after `clear` an old answer must not bring a page back to
 * life.
 */
import { fetchCase, holdStatuses, submitCase, withdrawHolds } from '../../api/registry.ts';
import { toHex } from '../../core/bytes.ts';
import type { CaseContent } from '../../core/case_content.ts';
import { Problem } from '../../core/problem.ts';
import { parseReceipt, type Receipt } from '../../core/receipt.ts';
import { MAX_PICTURES, MAX_PICTURES_EDITED, type Sealed } from '../../core/sealing.ts';
import { pictureStatuses, type PictureStatus } from '../../core/status.ts';
import { Device } from './device.ts';
import { today } from './today.ts';
import { isReady, withoutTwins, type Outcome, type Picture } from './pictures.ts';

export type View = 'home' | 'working' | 'check' | 'sending' | 'receipt' | 'done' | 'number' | 'case';

const RETRY_AFTER_MS = [1000, 3000, 8000, 20_000];

/** What can be waited out: everything else is said at once. */
const PASSING = ['network.offline', 'registry.unavailable'];

export class Flow {
  view = $state<View>('home');
  pictures = $state.raw<readonly Picture[]>([]);
  leftOut = $state(0);
  /** Whether cropped and edited copies are to be found too, at the price of saying more about each picture. */
  editedCopies = $state(true);
  /** How many pictures go at one time with that choice, and whether the chosen ones do. */
  readonly limit = $derived(this.editedCopies ? MAX_PICTURES_EDITED : MAX_PICTURES);
  readonly fits = $derived(this.pictures.length <= this.limit);
  outcomes = $state.raw<readonly Outcome[]>([]);
  /** Which picture is worked on, from 1, and how far all of them are together, 0 to 1. */
  current = $state(1);
  share = $state(0);
  sendingStep = $state<'making' | 'sending' | 'waiting'>('making');
  /** The code of the problem that the present view shows. */
  problem = $state<string | undefined>();
  receipt = $state<Receipt | undefined>();
  day = $state('');
  statuses = $state.raw<readonly PictureStatus[]>([]);
  isBusy = $state(false);
  wasCleared = $state(false);

  readonly #device = new Device();
  #turn = 0;
  #sealed: Sealed | undefined;
  #case: CaseContent | undefined;
  #wake: (() => void) | undefined;

  /** Make ready for what may come without a connection. */
  warmUp(): void {
    this.#device.warmUp();
  }

  /** Take in chosen files; those beyond what one case can hold are left out. */
  choose(files: readonly Blob[]): void {
    const room = MAX_PICTURES - this.pictures.length;
    this.leftOut = Math.max(0, files.length - room);
    this.wasCleared = false;
    this.#renumber([...this.pictures.map(({ file }) => file), ...files.slice(0, room)]);
  }

  remove(number: number): void {
    this.leftOut = 0;
    this.#renumber(this.pictures.filter((picture) => picture.number !== number).map(({ file }) => file));
  }

  chooseEditedCopies(on: boolean): void {
    this.editedCopies = on;
    if (this.pictures.length < MAX_PICTURES) this.leftOut = 0; // what was left out for the other choice may be added again
    this.#renumber(this.pictures.map(({ file }) => file)); // what was made before was made for another choice
  }

  /** Keep as many pictures as go at one time. */
  keepFirst(): void {
    const files = this.pictures.map(({ file }) => file);
    this.leftOut += Math.max(0, files.length - this.limit);
    this.#renumber(files.slice(0, this.limit));
  }

  /** Fingerprint all pictures, one after the other: two decoded at once could be too much for a phone. */
  async start(): Promise<void> {
    if (!this.fits) return;
    const turn = this.#go('working');
    const outcomes: Outcome[] = [];
    this.share = 0;
    for (const picture of this.pictures) {
      this.current = picture.number;
      outcomes.push(await this.#fingerprint(picture));
      if (turn !== this.#turn) return;
    }
    this.outcomes = withoutTwins(outcomes);
    this.#go('check');
  }

  /** Stop whatever is going on and return to the chosen pictures. */
  stop(): void {
    this.#device.stop();
    this.#device.warmUp();
    this.#go('home');
  }

  /** Seal the case and send it, as often as it takes. The receipt is shown once the registry has it (case-v1 §5.4). */
  async send(): Promise<void> {
    const turn = this.#go('sending');
    this.sendingStep = 'making';
    try {
      this.#sealed ??= await this.#seal();
      for (let attempt = 0; turn === this.#turn; attempt++) {
        if (await this.#sendOnce(this.#sealed, attempt, turn)) break;
      }
    } catch (error) {
      if (turn === this.#turn) this.problem = codeOf(error);
      return;
    }
    if (turn !== this.#turn) return;
    this.receipt = this.#sealed.receipt;
    this.#sealed = undefined;
    this.#forgetPictures();
    this.#go('receipt');
  }

  /** Do not wait any longer for the next try. */
  tryNow(): void {
    this.#wake?.();
  }

  kept(): void {
    this.receipt = undefined;
    this.#go('done');
  }

  askForNumber(): void {
    this.#go('number');
  }

  home(): void {
    this.#sealed = undefined;
    this.#go('home');
  }

  /** Open the case that a typed number belongs to. The number itself stays here. */
  async openCase(untrustedText: string): Promise<void> {
    const turn = this.#turn;
    await this.#guarded(async () => {
      const keys = await this.#device.run('derive', { receipt: parseReceipt(untrustedText) });
      const sealed = await fetchCase(toHex(keys.caseId));
      const content = await this.#device.run('open', { keys, sealed });
      const statuses = await this.#ask(content);
      if (turn !== this.#turn) return;
      this.#case = content;
      this.day = content.day;
      this.statuses = statuses;
      this.#go('case');
    });
  }

  /** Ask again how the pictures are doing. */
  async refresh(): Promise<void> {
    const content = this.#case;
    if (content === undefined || this.isBusy) return;
    const turn = this.#turn;
    await this.#guarded(async () => {
      const statuses = await this.#ask(content);
      if (turn === this.#turn) this.statuses = statuses;
    });
  }

  /** Take these holds back, then look again. */
  async withdraw(tokens: readonly string[]): Promise<boolean> {
    const done = await this.#guarded(() => withdrawHolds(tokens));
    if (done) await this.refresh();
    return done;
  }

  /** Forget everything, as if the page had just been opened. */
  clear(): void {
    this.#device.stop();
    this.#device.warmUp();
    this.#sealed = undefined;
    this.#case = undefined;
    this.receipt = undefined;
    this.statuses = [];
    this.day = '';
    this.isBusy = false;
    this.editedCopies = true;
    this.#forgetPictures();
    this.#go('home');
    this.wasCleared = true;
  }

  #go(view: View): number {
    this.#turn += 1;
    this.#wake?.();
    this.problem = undefined;
    this.view = view;
    this.wasCleared = false;
    return this.#turn;
  }

  #renumber(files: readonly Blob[]): void {
    this.pictures = files.map((file, i) => ({ number: i + 1, file }));
    this.outcomes = [];
    this.#sealed = undefined;
  }

  #forgetPictures(): void {
    this.leftOut = 0;
    this.share = 0;
    this.#renumber([]);
  }

  async #fingerprint(picture: Picture): Promise<Outcome> {
    const total = this.pictures.length;
    const onShare = (share: number) => {
      this.share = (picture.number - 1 + share) / total;
    };
    try {
      const input = { file: picture.file, editedCopies: this.editedCopies };
      const fingerprints = await this.#device.run('fingerprint', input, onShare);
      return { picture, fingerprints };
    } catch (error) {
      return { picture, problem: codeOf(error) };
    } finally {
      onShare(1);
    }
  }

  #seal(): Promise<Sealed> {
    const pictures = this.outcomes
      .filter(isReady)
      .map(({ picture, fingerprints }) => ({ file: picture.number, fingerprints }));
    return this.#device.run('seal', { pictures, day: today() });
  }

  /** One try; whether it arrived. Waits before it returns if it did not. */
  async #sendOnce(sealed: Sealed, attempt: number, turn: number): Promise<boolean> {
    this.sendingStep = 'sending';
    try {
      await submitCase(sealed.body);
      return true;
    } catch (error) {
      const code = codeOf(error);
      if (!PASSING.includes(code)) throw error;
      if (turn !== this.#turn) return false;
      this.problem = code;
      this.sendingStep = 'waiting';
      await this.#pause(RETRY_AFTER_MS[Math.min(attempt, RETRY_AFTER_MS.length - 1)] ?? 0);
      return false;
    }
  }

  /** Until the time is over, the connection comes back, or the person asks for it. */
  #pause(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        window.clearTimeout(timer);
        window.removeEventListener('online', end);
        this.#wake = undefined;
        resolve();
      };
      const timer = window.setTimeout(end, durationMs);
      window.addEventListener('online', end);
      this.#wake = end;
    });
  }

  async #ask(content: CaseContent): Promise<PictureStatus[]> {
    return pictureStatuses(content.holds, await holdStatuses(content.holds.map(({ token }) => token)));
  }

  /** Do something that the present view waits for; whether it worked. */
  async #guarded(work: () => Promise<void>): Promise<boolean> {
    const turn = this.#turn;
    this.isBusy = true;
    this.problem = undefined;
    try {
      await work();
      return true;
    } catch (error) {
      if (turn === this.#turn) this.problem = codeOf(error);
      return false;
    } finally {
      this.isBusy = false;
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Problem ? error.code : 'other';
}
