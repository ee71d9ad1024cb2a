/**
 * The console: who is signed in, which view is open, and one way to ask the registry for something.
 *
 * Every view asks through `run`, so that a session that has ended leads to the sign-in from everywhere.
 */
import { fetchSession, signOut } from '../../api/operator.ts';
import type { Session } from '../../core/console_wire.ts';
import { Problem } from '../../core/problem.ts';

export const VIEWS = [
  'overview',
  'partners',
  'offers',
  'quarantine',
  'guard',
  'audit',
  'operators',
  'account',
] as const;
export type View = (typeof VIEWS)[number];

const NO_SESSION = 'console.session';

export class Console {
  place = $state<'opening' | 'sign-in' | 'enrol' | 'desk'>('opening');
  view = $state<View>('overview');
  session = $state.raw<Session | undefined>();
  problem = $state<string | undefined>();
  said = $state('');
  isBusy = $state(false);

  readonly mayAct = $derived(this.session?.operator.role === 'operator');

  /** Begin: with a link's code at the enrolment, else at the desk if there is a session already. */
  async open(code: string): Promise<void> {
    if (code === '') await this.enter(false);
    else this.place = 'enrol';
  }

  /** Go to the desk; without a session to the sign-in, which is worth a word only if there should be one. */
  async enter(isExpected = true): Promise<void> {
    try {
      this.session = await fetchSession();
      this.problem = undefined;
      this.view = 'overview';
      this.place = 'desk';
    } catch (error) {
      this.session = undefined;
      const code = codeOf(error);
      if (isExpected || code !== NO_SESSION) this.problem = code;
      this.place = 'sign-in';
    }
  }

  async leave(): Promise<void> {
    try {
      await signOut();
    } finally {
      this.#toSignIn(undefined);
    }
  }

  show(view: View): void {
    this.problem = undefined;
    this.said = '';
    this.view = view;
  }

  /** Do something at the registry; gives what came, or `undefined` after saying what is wrong. */
  async run<T>(work: () => Promise<T>, said = ''): Promise<T | undefined> {
    this.problem = undefined;
    this.said = '';
    this.isBusy = true;
    try {
      const result = await work();
      this.said = said;
      return result;
    } catch (error) {
      const code = codeOf(error);
      if (code === NO_SESSION && this.place === 'desk') this.#toSignIn(code);
      else this.problem = code;
      return undefined;
    } finally {
      this.isBusy = false;
    }
  }

  /** The same for what gives nothing back; whether it was done. */
  async did(work: () => Promise<void>, said = ''): Promise<boolean> {
    return (await this.run(async () => work().then(() => true), said)) === true;
  }

  #toSignIn(problem: string | undefined): void {
    this.session = undefined;
    this.said = '';
    this.problem = problem;
    this.place = 'sign-in';
  }
}

function codeOf(error: unknown): string {
  return error instanceof Problem ? error.code : 'other';
}
