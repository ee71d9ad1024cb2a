/**
 * Where the person is. What they have is in its parts, in memory only. The views show it and call its verbs.
 *
 * Anything that takes time asks `isWanted` when it comes back: after `clear` an old answer must not bring a page back to
 * life. Nothing that cannot be had again is forgotten by one touch, but for `clear` and leaving, which say so.
 */
import { fetchTerms } from '../../api/registry.ts';
import { codeOf } from '../../core/problem.ts';
import { parseReceipt, type Receipt } from '../../core/receipt.ts';
import type { Terms, Wish } from '../../core/wire.ts';
import { Chosen } from './chosen.svelte.ts';
import { Device } from './device.ts';
import { OpenCase } from './open_case.svelte.ts';
import { Puzzle } from './puzzle.svelte.ts';
import { Sending, type Parcel } from './sending.svelte.ts';
import { today } from './today.ts';

export type View = 'home' | 'working' | 'check' | 'sending' | 'receipt' | 'done' | 'number' | 'case';

/** What would be lost if the page were cleared now. */
export type AtStake = 'number' | 'sending' | 'pictures';

/** What is assumed until the registry has said what its operator has set. */
const USUAL_TERMS: Terms = { adultCases: false, withdrawalDelayDays: 0 };

export class Flow {
  view = $state<View>('home');
  /** The code of the problem that the present view shows. */
  problem = $state<string | undefined>();
  isBusy = $state(false);
  wasCleared = $state(false);
  /** What the operator has set. */
  terms = $state.raw<Terms>(USUAL_TERMS);
  /** The number of the last case that was sent, until the page is cleared. */
  receipt = $state<Receipt | undefined>();
  /** Whether sending that case was stopped on the way. */
  isPartly = $state(false);
  /** Whether what is chosen goes into the case that is open. */
  isAdding = $state(false);
  /** Whether the case was last asked about without success. */
  isBehind = $state(false);
  readonly chosen: Chosen;
  readonly sending: Sending;
  readonly puzzle: Puzzle;
  readonly case: OpenCase;
  readonly isForOthers = $derived.by(() => this.chosen.about === 'adult' && !this.terms.adultCases);
  readonly atStake = $derived.by(() => this.#atStake());

  readonly #device = new Device();
  #turn = 0;
  #hasTerms = false;

  constructor() {
    this.chosen = new Chosen(this.#device);
    this.puzzle = new Puzzle(this.#device);
    this.sending = new Sending(this.puzzle);
    this.case = new OpenCase(this.#device, this.puzzle);
  }

  /** Make ready for what may come without a connection. May be called again. */
  warmUp(): void {
    this.#device.warmUp();
    if (this.#hasTerms) return;
    fetchTerms().then(
      (terms) => {
        this.terms = terms;
        this.#hasTerms = true;
      },
      () => undefined, // without an answer the usual holds
    );
  }

  choose(files: readonly Blob[]): void {
    this.wasCleared = false;
    this.sending.forget();
    this.chosen.add(files);
  }

  remove(number: number): void {
    this.sending.forget();
    this.chosen.remove(number);
  }

  /** Fingerprint what was chosen. */
  async start(): Promise<void> {
    if (this.isForOthers) return;
    const isWanted = this.#go('working');
    this.sending.forget();
    if (await this.chosen.fingerprint(isWanted)) this.#go('check');
  }

  /** Stop fingerprinting and return to the chosen pictures. */
  stop(): void {
    this.#device.stop();
    this.#go('home');
  }

  /** Seal the case and send it, as often as it takes. The receipt is shown once the registry has it (case-v1 §5.4). */
  async send(): Promise<void> {
    const isWanted = this.#go('sending');
    try {
      if (await this.sending.send(() => this.#seal(), isWanted)) await this.#showSent();
    } catch (error) {
      if (isWanted()) this.problem = codeOf(error);
    }
  }

  /** Stop sending and return to what would be sent; or to what has arrived of it, which stays there. */
  async stopSending(): Promise<void> {
    this.#device.stop();
    if (this.sending.arrived > 0) await this.#showSent();
    else this.#go('check');
  }

  /** Choose pictures for the case that is open. */
  addToCase(): void {
    this.chosen.forgetPictures();
    this.isAdding = true;
    this.#go('home');
  }

  /** Choose pictures for the case that was just sent: one number for all of them. */
  async addToSent(): Promise<void> {
    if (this.receipt === undefined || !(await this.#open(this.receipt))) return;
    this.addToCase();
  }

  /** Leave the case that was to be added to as it is, and show it again. */
  async stopAdding(): Promise<void> {
    this.chosen.forgetPictures();
    await this.#showCase();
  }

  kept(): void {
    this.#go('done');
  }

  showNumber(): void {
    this.#go('receipt');
  }

  askForNumber(): void {
    this.isAdding = false;
    this.#go('number');
  }

  home(): void {
    this.#go('home');
  }

  /** Open the case that a typed number belongs to. The number itself stays here. */
  async openCase(untrustedText: string): Promise<void> {
    let receipt: Receipt;
    try {
      receipt = parseReceipt(untrustedText);
    } catch (error) {
      this.problem = codeOf(error);
      return;
    }
    if (await this.#open(receipt)) this.#go('case');
  }

  /** Ask again how the pictures are doing; whether there was an answer. */
  refresh(): Promise<boolean> {
    return this.#guarded((isWanted) => this.case.refresh(isWanted));
  }

  /** Ask by itself, without a word if it fails: what is on the screen stays there, and it says that it may be old. */
  async watch(): Promise<void> {
    if (this.isBusy) return;
    const isWanted = this.#isWanted();
    try {
      await this.case.refresh(isWanted);
      if (isWanted()) this.isBehind = false;
    } catch {
      if (isWanted()) this.isBehind = true;
    }
  }

  /** Take these holds back, undo that, or let them last longer; then look again. */
  wish(wish: Wish, tokens: readonly string[]): Promise<boolean> {
    return this.#guarded(async (isWanted) => {
      await this.case.wish(wish, tokens);
      await this.case.refresh(isWanted);
    });
  }

  /** Forget everything, as if the page had just been opened. */
  clear(): void {
    this.#device.stop();
    this.case.forget();
    this.chosen.forget();
    this.sending.forget();
    this.isAdding = false;
    this.receipt = undefined;
    this.#go('home');
    this.wasCleared = true;
  }

  /** The page is being left: end whatever is going on. */
  end(): void {
    this.#turn += 1;
    this.#device.end();
  }

  #atStake(): AtStake | undefined {
    if (this.view === 'receipt') return 'number';
    if (this.view === 'sending') return 'sending';
    return this.chosen.pictures.length > 0 ? 'pictures' : undefined;
  }

  #isWanted(): () => boolean {
    const turn = this.#turn;
    return () => turn === this.#turn;
  }

  /** Show a view. Gives the question whether that is still what the person wants. */
  #go(view: View): () => boolean {
    this.#turn += 1;
    this.sending.tryNow(); // nothing waits for a view that is gone
    this.problem = undefined;
    this.isBehind = false;
    this.isBusy = false;
    this.view = view;
    this.wasCleared = false;
    return this.#isWanted();
  }

  async #seal(): Promise<Parcel> {
    const pictures = this.chosen.fingerprints();
    if (this.isAdding && this.case.isOpen) return { bodies: await this.case.sealMore(pictures) };
    return this.#device.run('seal', { pictures, day: today(), about: this.chosen.about });
  }

  /** Show what has arrived: the number for it, or the case that it was added to. */
  async #showSent(): Promise<void> {
    const { receipt } = this.sending;
    this.isPartly = this.sending.arrived < this.sending.total;
    this.chosen.forgetPictures();
    this.sending.forget();
    if (receipt === undefined) {
      await this.#showCase();
      return;
    }
    this.receipt = receipt;
    this.#go('receipt');
  }

  #open(receipt: Receipt): Promise<boolean> {
    return this.#guarded((isWanted) => this.case.open(receipt, isWanted));
  }

  /** Open the case at hand anew and show it. */
  async #showCase(): Promise<void> {
    this.isAdding = false;
    this.#go('case');
    await this.#guarded((isWanted) => this.case.reopen(isWanted));
  }

  /** Do something that the present view waits for; whether it worked and is still wanted. */
  async #guarded(work: (isWanted: () => boolean) => Promise<void>): Promise<boolean> {
    const isWanted = this.#isWanted();
    this.isBusy = true;
    this.problem = undefined;
    try {
      await work(isWanted);
      if (isWanted()) this.isBehind = false;
      return isWanted();
    } catch (error) {
      if (isWanted()) this.problem = codeOf(error);
      return false;
    } finally {
      if (isWanted()) this.isBusy = false;
    }
  }
}
