import { describe, expect, it } from 'vitest';
import { isReady, withoutTwins, type Outcome } from './pictures.ts';
import { dayText, problemText, sizeText } from './texts.ts';

function ready(number: number, sha256: string): Outcome {
  return { picture: { number, file: new Blob() }, fingerprints: [{ algorithm: 'sha256', value: sha256 }] };
}

describe('the chosen pictures', () => {
  it('keep one of several equal files and say which one it was', () => {
    const unreadable: Outcome = { picture: { number: 2, file: new Blob() }, problem: 'media.damaged' };
    const outcomes = withoutTwins([ready(1, 'aa'), unreadable, ready(3, 'bb'), ready(4, 'aa')]);
    expect(outcomes.filter(isReady).map(({ picture }) => picture.number)).toEqual([1, 3]);
    expect(outcomes[1]).toBe(unreadable);
    expect(outcomes[3]).toMatchObject({ problem: 'media.twice', twinOf: 1 });
  });
});

describe('what the page says', () => {
  it('has a sentence for a problem nobody thought of', () => {
    expect(problemText('media.twice', { n: 4 })).toContain('number 4');
    expect(problemText('something.new')).toContain('not your fault');
  });

  it('says sizes and days as people do', () => {
    expect(sizeText(1)).toBe('1 KB');
    expect(sizeText(2_340_000)).toBe('2.3 MB');
    expect(dayText('2026-03-04')).toBe('March 4, 2026');
  });
});
