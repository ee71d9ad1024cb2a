/** The words of this page, and the sentences that are put together. */
import { operator } from '../../locales/en.json';
import type { AuditLine } from '../../core/console_wire.ts';
import type { Algorithm } from '../../core/fingerprint.ts';
import { counted, fill } from '../../core/words.ts';

export const words = operator;

function lookUp(sentences: Readonly<Record<string, string>>, name: string): string | undefined {
  return sentences[name];
}

/** What to say about a problem, by its code. */
export function problemText(code: string): string {
  return lookUp(words.problems, code) ?? fill(words.problems.other, { code });
}

export function listText(list: Algorithm): string {
  return words.lists[list];
}

/** A part of the registry, a group of figures or a figure, in words; its own name if there are none. */
export function partText(name: string): string {
  return lookUp(words.overview.parts, name) ?? name;
}

export function groupText(name: string): string {
  return lookUp(words.overview.groups, name) ?? name;
}

export function figureText(name: string): string {
  return lookUp(words.overview.figures, name) ?? name;
}

export function scopeText(name: string): string {
  return lookUp(words.partners.scopes, name) ?? name;
}

/** What a line of the audit log says was done, after the name of who did it. */
export function actText(line: AuditLine): string {
  const sentence = lookUp(words.audit.acts, line.what) ?? line.what;
  const list = line.list === undefined ? '' : listText(line.list);
  return fill(sentence, { list, first: line.firstSeq, last: line.lastSeq, who: line.subject ?? '' });
}

const NUMBER = new Intl.NumberFormat('en');

export function numberText(count: number): string {
  return NUMBER.format(count);
}

export function linesText(count: number): string {
  return counted(words.audit.whole, count);
}
