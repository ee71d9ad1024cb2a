/** Reading JSON that came from outside: every step says what it expects, and anything else is one kind of problem. */
import { Problem } from './problem.ts';

/** A reader bound to the code it raises with. */
export class Reader {
  readonly #code: string;

  constructor(code: string) {
    this.#code = code;
  }

  fail(): never {
    throw new Problem(this.#code);
  }

  json(untrustedText: string): unknown {
    try {
      return JSON.parse(untrustedText) as unknown;
    } catch {
      return this.fail();
    }
  }

  record(untrusted: unknown): Record<string, unknown> {
    if (typeof untrusted !== 'object' || untrusted === null || Array.isArray(untrusted)) return this.fail();
    return untrusted as Record<string, unknown>;
  }

  list<T>(untrusted: unknown, item: (untrusted: unknown) => T): T[] {
    if (!Array.isArray(untrusted)) return this.fail();
    return untrusted.map((entry: unknown) => item(entry));
  }

  text(untrusted: unknown, pattern = /^[^]{0,20000}$/): string {
    if (typeof untrusted !== 'string' || !pattern.test(untrusted)) return this.fail();
    return untrusted;
  }

  /** A whole number of at least `least`. */
  whole(untrusted: unknown, least: number): number {
    if (typeof untrusted !== 'number' || !Number.isSafeInteger(untrusted) || untrusted < least) return this.fail();
    return untrusted;
  }

  /** A number of seconds, not negative. */
  seconds(untrusted: unknown): number {
    if (typeof untrusted !== 'number' || !Number.isFinite(untrusted) || untrusted < 0) return this.fail();
    return untrusted;
  }

  truth(untrusted: unknown): boolean {
    if (typeof untrusted !== 'boolean') return this.fail();
    return untrusted;
  }

  oneOf<T extends string>(untrusted: unknown, allowed: readonly T[]): T {
    const found = allowed.find((value) => value === untrusted);
    return found ?? this.fail();
  }
}
