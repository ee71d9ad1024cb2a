/**
 * The one error that this project raises on purpose in the browser.
 *
 * `code` is stable and dotted, like the codes of the Python side; a page looks up its words for it. A problem never
 * carries a fingerprint, a token, a receipt or a file name.
 */
export class Problem extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.name = 'Problem';
    this.code = code;
  }
}

/** The code of whatever was thrown. */
export function codeOf(error: unknown): string {
  return error instanceof Problem ? error.code : 'other';
}
