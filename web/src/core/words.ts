/** Putting values into sentences from the locale file. */

/** Replace each `{name}` in `sentence`; a name without a value stays as it is, so that a gap is seen. */
export function fill(sentence: string, values: Readonly<Record<string, string | number>>): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** A sentence in its forms for one and for several. */
export interface Counted {
  readonly one: string;
  readonly other: string;
}

/** The right form for `n`, with `{n}` filled in. */
export function counted(forms: Counted, n: number, values: Readonly<Record<string, string | number>> = {}): string {
  return fill(n === 1 ? forms.one : forms.other, { ...values, n });
}
