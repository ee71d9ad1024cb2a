/**
 * What the submit page shows where scripts are switched off, as the most careful browsers do: why it needs them, and
 * who listens without. From the same words as the page, put into its HTML when it is built.
 */
import type { Plugin } from 'vite';
import en from './src/locales/en.json' with { type: 'json' };
import help from './src/locales/help.json' with { type: 'json' };

const PLACE = '<!-- without script -->';
const ESCAPED: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export function withoutScript(): Plugin {
  return { name: 'without-script', transformIndexHtml: (html) => html.replace(PLACE, body()) };
}

interface Line {
  readonly name: string;
  readonly what: string;
  readonly number?: string;
  readonly url?: string;
}

function body(): string {
  const { title, text, help: listening } = en.submit.noscript;
  const places = (help as { place: string; lines: Line[] }[]).map(
    ({ place, lines }) => `<h2>${escaped(place)}</h2><ul>${lines.map(item).join('')}</ul>`,
  );
  const said = `<h1>${escaped(title)}</h1><p>${escaped(text)}</p><p>${escaped(listening)}</p>`;
  return `<main class="without-script">${said}${places.join('')}</main>`;
}

function item({ name, what, number, url }: Line): string {
  const linked = url === undefined ? escaped(name) : `<a href="${escaped(url)}" rel="noreferrer">${escaped(name)}</a>`;
  const call = number === undefined ? '' : ` <strong>${escaped(number)}</strong>.`;
  return `<li>${linked}.${call} ${escaped(what)}.</li>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => ESCAPED[sign] ?? sign);
}
