/** The console's pure half: replies are read strictly, charts are drawn to scale. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64Url, toBase64Url } from './base64url.ts';
import { CHART_HEIGHT, CHART_WIDTH, chartOf, dayText, niceTop } from './chart.ts';
import {
  inRequests,
  parseAuditPage,
  parseEnrolment,
  parseGuardList,
  parseHashLines,
  parseOverview,
  parseQuarantine,
  parseSession,
} from './console_wire.ts';
import { parseIssuedKey, parseOffers, parsePartners, parsePartnerStatistics } from './partners_wire.ts';
import { Problem } from './problem.ts';

const OPERATOR = { operator: '0123456789abcdef', name: 'robin', role: 'auditor', active: true, means: ['passkey'] };

describe('replies', () => {
  it('are read into values', () => {
    const session = parseSession(JSON.stringify({ operator: OPERATOR, until: 9, idle: 5, passkeys: true, later: 1 }));
    expect(session.operator).toEqual({
      id: '0123456789abcdef',
      name: 'robin',
      role: 'auditor',
      isActive: true,
      means: ['passkey'],
    });
    const line = { seq: 1, day: 2, actor: 'x', what: 'pull', list: 'md5', first_seq: 0, last_seq: 3, subject: null };
    expect(parseAuditPage(JSON.stringify({ lines: [line] }))[0]).toMatchObject({ list: 'md5', subject: undefined });
  });

  it('about partners are read into values', () => {
    const partner = { partner: '0123456789abcdef', name: 'Clips', lists: ['pdq'], active: true, scopes: ['pull'] };
    const all = { partners: [{ ...partner, networks: [], per_minute: null }], default_lists: [], overlap_days: 7 };
    expect(parsePartners(JSON.stringify(all)).partners[0]).toMatchObject({ name: 'Clips', perMinute: undefined });
    const counts = { partner: '0123456789abcdef', pulls: 3, questions: 0, last_pull: null };
    const behind = [{ list: 'md5', changes: 4 }];
    const statistics = { partners: [{ ...counts, behind, words: [{ value: 'Blocked', entries: 2 }] }] };
    expect(parsePartnerStatistics(JSON.stringify(statistics))[0]).toMatchObject({ lastPull: undefined, behind });
    const offer = { offer: '0'.repeat(32), partner: '0123456789abcdef', name: 'Clips', list: 'md5', day: 1 };
    const offers = { offers: [{ ...offer, state: 'waiting' }], total: 5 };
    expect(parseOffers(JSON.stringify(offers)).offers[0]?.state).toBe('waiting');
    expect(() => parseOffers(JSON.stringify({ offers: [{ ...offer, state: 'lost' }], total: 1 }))).toThrow(Problem);
  });

  it('of another form are one kind of problem', () => {
    for (const parse of [
      parseSession,
      parseOverview,
      parseIssuedKey,
      parseEnrolment,
      parseAuditPage,
      parseQuarantine,
      parseGuardList,
      parseHashLines,
      parseOffers,
      parsePartners,
      parsePartnerStatistics,
    ]) {
      fc.assert(
        fc.property(fc.oneof(fc.string(), fc.json()), (untrusted) => {
          expect(() => parse(untrusted)).toThrow(Problem);
        }),
        { numRuns: 60 },
      );
    }
    const qr = { name: 'x', role: 'operator', secret: 'A2', uri: 'https://x', qr: [], passkey: null };
    expect(() => parseEnrolment(JSON.stringify(qr))).toThrow(Problem);
  });
});

describe('lines for the guard list', () => {
  it('are sent in requests that the registry reads, in their order', () => {
    const lengths = fc.array(fc.constantFrom(32, 64, 6_200, 36_864), { maxLength: 250 });
    fc.assert(
      fc.property(lengths, (sizes) => {
        const all = sizes.map((size) => ({ algorithm: 'vpdq' as const, value: 'a'.repeat(size) }));
        const requests = inRequests(all);
        expect(requests.flat()).toEqual(all);
        for (const fingerprints of requests) {
          expect(fingerprints.length).toBeLessThanOrEqual(100);
          const body = JSON.stringify({ fingerprints, note: 'n'.repeat(200) });
          expect(body.length).toBeLessThanOrEqual(65_536);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('are what the command line writes', () => {
    const line = { file: 'logo.png', fingerprints: [{ algorithm: 'pdq', value: 'ab', quality: 90 }] };
    const unusable = { file: 'x', error: { code: 'media.truncated', message: 'no' } };
    expect(parseHashLines(`${JSON.stringify(line)}\n\n${JSON.stringify(unusable)}\n`)).toEqual([
      { algorithm: 'pdq', value: 'ab', quality: 90 },
    ]);
    expect(() => parseHashLines(JSON.stringify(unusable))).toThrow(Problem);
  });
});

describe('a chart', () => {
  it('is level between days and reaches its right edge', () => {
    const { line, area, top } = chartOf(
      [
        { day: 5, count: 10 },
        { day: 95, count: 5 },
      ],
      100,
      90,
    );
    expect(top).toBe(10);
    expect(line).toBe(`M0 0H${(85 / 90) * CHART_WIDTH > 302 ? 302.2 : 0}V48H${CHART_WIDTH}`);
    expect(area).toContain(`V${CHART_HEIGHT}`);
  });

  it('of a list that is new rises from nothing, and of an empty one lies at the bottom', () => {
    expect(chartOf([{ day: 55, count: 20 }], 100, 90).line).toBe(`M160 ${CHART_HEIGHT}V0H${CHART_WIDTH}`);
    expect(chartOf([], 100, 90)).toEqual({ line: `M0 ${CHART_HEIGHT}H${CHART_WIDTH}`, area: '', top: 10 });
  });

  it('never leaves its box', () => {
    const sizes = fc.array(fc.record({ day: fc.integer({ min: 0, max: 100 }), count: fc.nat(10 ** 7) }));
    fc.assert(
      fc.property(sizes, (drawn) => {
        const { line } = chartOf(
          drawn.sort((a, b) => a.day - b.day),
          100,
          90,
        );
        for (const [, letters, numbers] of line.matchAll(/([MHV])([\d. -]+)/g)) {
          for (const number of (numbers ?? '').trim().split(' ').map(Number)) {
            expect(number).toBeGreaterThanOrEqual(0);
            expect(number).toBeLessThanOrEqual(letters === 'V' ? CHART_HEIGHT : CHART_WIDTH);
          }
        }
      }),
    );
  });

  it('has a round number at its top', () => {
    expect([0, 10, 11, 21, 51, 100, 101, 1_200_000].map(niceTop)).toEqual([10, 10, 20, 50, 100, 100, 200, 2_000_000]);
    expect(dayText(0)).toBe('1970-01-01');
    expect(dayText(20_780)).toBe('2026-11-23');
  });
});

describe('base64 for URLs', () => {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = toBase64Url(bytes);
        expect(text).toMatch(/^[A-Za-z0-9_-]*$/);
        expect([...fromBase64Url(text)]).toEqual([...bytes]);
      }),
    );
    expect(() => fromBase64Url('a')).toThrow(Problem);
  });
});
