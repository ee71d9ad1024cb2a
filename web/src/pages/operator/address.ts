/** A new operator's code comes behind the address's `#`, which is never sent to a server. */

/** The code in `#code=…`, if there is one; the address bar and the history lose it at once. */
export function takeCodeFromAddress(): string {
  const code = new URLSearchParams(window.location.hash.slice(1)).get('code') ?? '';
  if (window.location.hash !== '') window.history.replaceState(null, '', window.location.pathname);
  return code;
}

/** What a new operator is given: this page's address with their code behind `#`. */
export function linkWith(code: string): string {
  return `${window.location.origin}${window.location.pathname}#code=${code}`;
}

/** Where partners reach the registry, for software that speaks another protocol. */
export function partnerAddress(path: string): string {
  return window.location.origin + path;
}
