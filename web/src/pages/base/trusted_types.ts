/**
 * The policy under which scripts may be started: our own built files and nothing else.
 *
 * `default`, because `new Worker(url)` passes a plain string and there is no way to name a policy there. Import this
 * before anything that starts a worker. HTML is not allowed by it at all; Svelte brings its own policy for the
 * templates it compiled.
 */
interface PolicyFactory {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): unknown;
}

const ASSETS = new URL('assets/', document.baseURI).href;

function ownScript(url: string): string {
  const { href } = new URL(url, document.baseURI);
  if (!href.startsWith(ASSETS)) throw new TypeError('script.foreign');
  return href;
}

/** Install the policy where the browser knows Trusted Types. Call once, first. */
export function installScriptPolicy(): void {
  const { trustedTypes } = window as Window & { trustedTypes?: PolicyFactory };
  trustedTypes?.createPolicy('default', { createScriptURL: ownScript });
}
