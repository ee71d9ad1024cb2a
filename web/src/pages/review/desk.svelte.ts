/**
 * The reviewer's desk: the queue, the picture in front of them, what they decide.
 *
 * The queue is asked for every few seconds. The picture in front stays there while it is open, whatever arrives: nothing
 * moves under a reviewer's hand.
 */
import { decide, fetchQueue, signIn, signOut } from '../../api/review.ts';
import { Problem } from '../../core/problem.ts';
import type { Action, Lead, Queue, Reason } from '../../core/review_wire.ts';

const POLL_EVERY_MS = 3000;
const TICK_EVERY_MS = 10_000;
const BREAK_AFTER = 20;

/** What the kit answers to a request without a session, or with one that has ended. */
const NO_SESSION = 'review.session';

export class Desk {
  place = $state<'opening' | 'sign-in' | 'desk'>('opening');
  leads = $state.raw<readonly Lead[]>([]);
  /** All that are open; the queue brings the most urgent of them. */
  openCount = $state(0);
  overdue = $state(0);
  currentId = $state<string | undefined>();
  nowS = $state(Math.floor(Date.now() / 1000));
  problem = $state<string | undefined>();
  said = $state('');
  isBusy = $state(false);
  decidedInARow = $state(0);
  isBreakDue = $state(false);
  /** While a reviewer is away nothing is shown, and nothing is loaded. */
  isPaused = $state(false);

  readonly current = $derived(this.leads.find(({ id }) => id === this.currentId));
  #polling = 0;

  /** Look whether there is a session already; otherwise ask for the code. */
  async open(): Promise<void> {
    try {
      this.#take(await fetchQueue());
      this.place = 'desk';
    } catch (error) {
      // Without a session the page is simply at its beginning; anything else is worth a word.
      if (codeOf(error) !== NO_SESSION) this.problem = codeOf(error);
      this.place = 'sign-in';
    }
  }

  async signIn(code: string, reviewer: string): Promise<void> {
    this.isBusy = true;
    this.problem = undefined;
    try {
      await signIn(code, reviewer);
      this.#take(await fetchQueue());
      this.place = 'desk';
    } catch (error) {
      this.problem = codeOf(error);
    } finally {
      this.isBusy = false;
    }
  }

  async signOut(): Promise<void> {
    try {
      await signOut();
    } finally {
      this.#leave(undefined);
    }
  }

  /** Keep the queue fresh and the clock going; returns how to stop. */
  watch(): () => void {
    const poll = window.setInterval(() => {
      if (!document.hidden) void this.refresh();
    }, POLL_EVERY_MS);
    const tick = window.setInterval(() => {
      this.nowS = Math.floor(Date.now() / 1000);
    }, TICK_EVERY_MS);
    return () => {
      window.clearInterval(poll);
      window.clearInterval(tick);
    };
  }

  async refresh(): Promise<void> {
    if (this.place !== 'desk' || this.isBusy) return;
    const turn = ++this.#polling;
    try {
      const queue = await fetchQueue();
      if (turn !== this.#polling) return;
      this.#take(queue);
      if (this.problem === 'network.offline') this.problem = undefined;
    } catch (error) {
      if (turn === this.#polling) this.#failed(error);
    }
  }

  /** Put another picture in front. */
  pick(id: string): void {
    this.currentId = id;
    this.said = '';
  }

  /** Record a decision about the picture in front; the next one takes its place. Returns whether it was recorded. */
  async decide(lead: Lead, action: Action, reason: Reason): Promise<boolean> {
    this.#polling += 1; // what a poll under way brings back is out of date
    this.isBusy = true;
    this.problem = undefined;
    try {
      await decide(lead.id, action, reason);
      this.#decided(lead, action);
      return true;
    } catch (error) {
      if (codeOf(error) === 'lead.decided') this.#drop(lead);
      this.#failed(error);
      return false;
    } finally {
      this.isBusy = false;
    }
  }

  endBreak(): void {
    this.isBreakDue = false;
  }

  /** A break, for as long as it takes. */
  pause(): void {
    this.isPaused = true;
    this.isBreakDue = false;
    this.decidedInARow = 0;
    this.said = '';
  }

  goOn(): void {
    this.isPaused = false;
  }

  #decided(lead: Lead, action: Action): void {
    this.#drop(lead);
    this.decidedInARow += 1;
    this.isBreakDue = this.decidedInARow % BREAK_AFTER === 0;
    this.openCount -= 1;
    this.said = this.leads.length === 0 ? 'last' : action === 'remove' ? 'removed' : 'kept';
  }

  #drop(lead: Lead): void {
    const at = this.leads.findIndex(({ id }) => id === lead.id);
    this.leads = this.leads.filter(({ id }) => id !== lead.id);
    this.currentId = (this.leads[at] ?? this.leads[0])?.id;
  }

  #take({ leads, openCount, overdue }: Queue): void {
    this.nowS = Math.floor(Date.now() / 1000);
    this.leads = leads;
    this.openCount = openCount;
    this.overdue = overdue;
    if (!leads.some(({ id }) => id === this.currentId)) this.currentId = leads[0]?.id;
  }

  #failed(error: unknown): void {
    const cause = codeOf(error);
    if (cause === NO_SESSION) this.#leave(cause);
    else this.problem = cause;
  }

  #leave(problem: string | undefined): void {
    this.#polling += 1;
    this.leads = [];
    this.currentId = undefined;
    this.said = '';
    this.decidedInARow = 0;
    this.isBreakDue = false;
    this.isPaused = false;
    this.problem = problem;
    this.place = 'sign-in';
  }
}

function codeOf(error: unknown): string {
  return error instanceof Problem ? error.code : 'other';
}
