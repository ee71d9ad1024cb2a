/** The review code may come behind the address's `#`, which is never sent to a server. */

/** The code in `#code=…`, if there is one; the address bar and the history lose it at once. */
export function takeCodeFromAddress(): string {
  const code = new URLSearchParams(window.location.hash.slice(1)).get('code') ?? '';
  if (window.location.hash !== '') {
    window.history.replaceState(null, '', window.location.pathname + window.location.search);
  }
  return code;
}
