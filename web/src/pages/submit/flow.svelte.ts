/**
 * Where the person is and what they have, in memory only. The views show it and call its verbs.
 *
 * Anything that takes time checks `#turn` when it comes back: after `clear` an old answer must not bring a page back to
 * life.
 */
import { fetchCase, fetchPuzzle, fetchTerms, holdStatuses, submitCase, wishForHolds } from '../../api/registry.ts';
import { toHex } from '../../core/bytes.ts';
import type { CaseContent, Hold } from '../../core/case_content.ts';
import { Problem } from '../../core/problem.ts';
import { parseReceipt, type Receipt } from '../../core/receipt.ts';
import { MAX_PICTURES, type CaseKeys } from '../../core/sealing.ts';
import { pictureStatuses, type PictureStatus } from '../../core/status.ts';
import type { About, Terms, Wish } from '../../core/wire.ts';
import { Device } from './device.ts';
import { today } from './today.ts';
import { isReady, withoutTwins, type Outcome, type Picture } from './pictures.ts';

export type View = 'home' | 'working' | 'check' | 'sending' | 'receipt' | 'done' | 'number' | 'case';

const RETRY_AFTER_MS = [1000, 3000, 8000, 20_000];

/** What can be waited out: everything else is said at once. */
const PASSING = ['network.offline', 'registry.unavailable'];

/** So often another device may add to the same case at the same moment before we give up. */
const ADDING_TRIES = 5;

/** What is assumed until the registry has said what its operator has set. */
const USUAL_TERMS: Terms = { adultCases: false, withdrawalDelayDays: 0 };

/** An opened case: the keys of all its sheets, and what is on those there are. */
interface OpenCase {
  readonly keys: readonly CaseKeys[];
  readonly sheets: readonly CaseContent[];
}

/** Bodies that are ready to go, and the receipt that has to be shown afterwards, if it is new. */
interface Ready {
  readonly bodies: readonly string[];
  readonly receipt?: Receipt;
}

export class Flow {
  view = $state<View>('home');
  pictures = $state.raw<readonly Picture[]>([]);
  leftOut = $state(0);
  /** Whether cropped and edited copies are to be found too, at the price of saying more about each picture. */
  editedCopies = $state(true);
  /** How many pictures go at one time. */
  readonly limit = MAX_PICTURES;
  /** Whom the pictures are about, if that was said; and what the operator has set. */
  about = $state<About | undefined>();
  terms = $state.raw<Terms>(USUAL_TERMS);
  readonly isForOthers = $derived(this.about === 'adult' && !this.terms.adultCases);
  /** Whether what is chosen goes into the case that is open. */
  isAdding = $state(false);
  outcomes = $state.raw<readonly Outcome[]>([]);
  /** Which picture is worked on, from 1, and how far all of them are together, 0 to 1. */
  current = $state(1);
  share = $state(0);
  sendingStep = $state<'making' | 'solving' | 'sending' | 'waiting'>('making');
  /** The code of the problem that the present view shows. */
  problem = $state<string | undefined>();
  receipt = $state<Receipt | undefined>();
  day = $state('');
  statuses = $state.raw<readonly PictureStatus[]>([]);
  isBusy = $state(false);
  wasCleared = $state(false);

  readonly #device = new Device();
  #turn = 0;
  #ready: Ready | undefined;
  #sent = 0;
  #case: OpenCase | undefined;
  #wake: (() => void) | undefined;

  /** Make ready for what may come without a connection. */
  warmUp(): void {
    this.#device.warmUp();
    fetchTerms().then(
      (terms) => {
        this.terms = terms;
      },
      () => undefined, // without an answer the usual holds
    );
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
    this.#renumber(this.pictures.map(({ file }) => file)); // what was made before was made for another choice
  }

  /** Fingerprint all pictures, one after the other: two decoded at once could be too much for a phone. */
  async start(): Promise<void> {
    if (this.isForOthers) return;
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
    let ready: Ready;
    try {
      ready = await this.#sendAll(turn);
    } catch (error) {
      if (turn === this.#turn) this.problem = codeOf(error);
      return;
    }
    if (turn !== this.#turn) return;
    this.#forgetPictures();
    if (ready.receipt === undefined) {
      await this.#showCase();
      return;
    }
    this.receipt = ready.receipt;
    this.#go('receipt');
  }

  /** Choose pictures for the case that is open. */
  addToCase(): void {
    this.#forgetPictures();
    this.isAdding = true;
    this.#go('home');
  }

  /** Leave the case that was to be added to as it is, and show it again. */
  async stopAdding(): Promise<void> {
    this.#forgetPictures();
    await this.#showCase();
  }

  /** Stop sending and return to what would be sent. What had arrived already stays there. */
  stopSending(): void {
    this.#device.stop();
    this.#device.warmUp();
    this.#go('check');
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
    this.#forgetSealed();
    this.#go('home');
  }

  /** Open the case that a typed number belongs to. The number itself stays here. */
  async openCase(untrustedText: string): Promise<void> {
    const turn = this.#turn;
    await this.#guarded(async () => {
      const keys = await this.#device.run('derive', { receipt: parseReceipt(untrustedText) });
      const opened = await this.#open(keys);
      const statuses = await this.#ask(opened);
      if (turn !== this.#turn) return;
      this.#case = opened;
      this.day = opened.sheets[0]?.day ?? '';
      this.statuses = statuses;
      this.#go('case');
    });
  }

  /** Ask again how the pictures are doing. */
  async refresh(): Promise<void> {
    const opened = this.#case;
    if (opened === undefined || this.isBusy) return;
    const turn = this.#turn;
    await this.#guarded(async () => {
      const statuses = await this.#ask(opened);
      if (turn === this.#turn) this.statuses = statuses;
    });
  }

  /** Take these holds back, undo that, or let them last longer; then look again. */
  async wish(wish: Wish, tokens: readonly string[]): Promise<boolean> {
    const done = await this.#guarded(() => wishForHolds(wish, tokens, this.#prove));
    if (done) await this.refresh();
    return done;
  }

  /** Forget everything, as if the page had just been opened. */
  clear(): void {
    this.#device.stop();
    this.#device.warmUp();
    this.#case = undefined;
    this.isAdding = false;
    this.about = undefined;
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
    this.#forgetSealed();
  }

  #forgetSealed(): void {
    this.#ready = undefined;
    this.#sent = 0;
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

  /** Seal what is not sealed yet and send what is not sent yet, sheet by sheet. */
  async #sendAll(turn: number): Promise<Ready> {
    for (let triesLeft = ADDING_TRIES; ; triesLeft--) {
      const ready = (this.#ready ??= await this.#seal());
      try {
        while (turn === this.#turn && this.#sent < ready.bodies.length) {
          await this.#sendUntilItArrives(ready.bodies[this.#sent] ?? '', turn);
          if (turn === this.#turn) this.#sent += 1;
        }
        return ready;
      } catch (error) {
        // Another device has added to this case meanwhile: ours goes after it. Nothing of this sheet was taken.
        if (!(this.isAdding && codeOf(error) === 'case.taken' && triesLeft > 1 && this.#sent === 0)) throw error;
        this.#forgetSealed();
      }
    }
  }

  async #seal(): Promise<Ready> {
    const pictures = this.outcomes
      .filter(isReady)
      .map(({ picture, fingerprints }) => ({ file: picture.number, fingerprints }));
    if (!this.isAdding || this.#case === undefined) {
      return this.#device.run('seal', { pictures, day: today(), about: this.about });
    }
    const opened = await this.#open(this.#case.keys);
    const last = Math.max(0, ...holdsOf(opened).map(({ file }) => file));
    const keys = opened.keys.slice(opened.sheets.length);
    const numbered = pictures.map(({ file, fingerprints }) => ({ file: last + file, fingerprints }));
    return { bodies: await this.#device.run('sealMore', { keys, pictures: numbered, day: today() }) };
  }

  async #open(keys: readonly CaseKeys[]): Promise<OpenCase> {
    const sealed = await fetchCase(keys.map(({ caseId }) => toHex(caseId)));
    return { keys, sheets: await this.#device.run('open', { keys, sealed }) };
  }

  /** Open the case at hand anew and show it. */
  async #showCase(): Promise<void> {
    this.isAdding = false;
    const turn = this.#go('case');
    await this.#guarded(async () => {
      if (this.#case === undefined) return;
      const opened = await this.#open(this.#case.keys);
      const statuses = await this.#ask(opened);
      if (turn !== this.#turn) return;
      this.#case = opened;
      this.statuses = statuses;
    });
  }

  async #sendUntilItArrives(body: string, turn: number): Promise<void> {
    for (let attempt = 0; turn === this.#turn; attempt++) {
      if (await this.#sendOnce(body, attempt, turn)) return;
    }
  }

  /** One try; whether it arrived. Waits before it returns if it did not. */
  async #sendOnce(body: string, attempt: number, turn: number): Promise<boolean> {
    this.sendingStep = 'sending';
    try {
      await submitCase(body, this.#prove);
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

  async #ask(opened: OpenCase): Promise<PictureStatus[]> {
    const holds = holdsOf(opened);
    return pictureStatuses(
      holds,
      await holdStatuses(
        holds.map(({ token }) => token),
        this.#prove,
      ),
    );
  }

  /** Solve the registry's puzzle for one request, in the worker. */
  readonly #prove = async (path: string, body: string): Promise<string | undefined> => {
    const puzzle = await fetchPuzzle(await this.#device.run('bind', { path, body }));
    if (puzzle === undefined) return undefined;
    this.share = 0;
    this.sendingStep = 'solving';
    const proof = await this.#device.run('prove', { puzzle }, (share) => {
      this.share = share;
    });
    this.sendingStep = 'sending';
    return proof;
  };

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

function holdsOf(opened: OpenCase): Hold[] {
  return opened.sheets.flatMap(({ holds }) => holds);
}

function codeOf(error: unknown): string {
  return error instanceof Problem ? error.code : 'other';
}
