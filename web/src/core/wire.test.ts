import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from './problem.ts';
import { parseQueue } from './review_wire.ts';
import { parseUpload, parseWall } from './wall_wire.ts';
import { HOLD_STATES, parseAccepted, parseSealedCase, parseStatuses, parseTerms, problemCode } from './wire.ts';

const PARSERS: ((text: string) => unknown)[] = [
  parseSealedCase,
  (text) => parseStatuses(text, 1),
  (text) => {
    parseAccepted(text, ['being_added']);
  },
  parseQueue,
  parseUpload,
  parseWall,
];

describe('what a server answers', () => {
  it('is read when it is what the protocol says, whatever a newer server adds', () => {
    for (const state of HOLD_STATES) {
      expect(parseStatuses(`{"holds":[{"state":"${state}","platforms":3,"new":1}]}`, 1)).toEqual([
        { state, platforms: 3 },
      ]);
    }
    expect(parseSealedCase('{"sealed":"AAAA"}')).toEqual(['AAAA']);
    expect(parseSealedCase('{"sealed":"AAAA","more":["BBBB"]}')).toEqual(['AAAA', 'BBBB']);
    expect(parseTerms('{"adult_cases":true,"withdrawal_delay_days":3,"hold_lifetime_days":null}')).toEqual({
      adultCases: true,
      withdrawalDelayDays: 3,
    });
    expect(() => {
      parseAccepted('{"state":"being_added"}', ['being_added']);
    }).not.toThrow();
  });

  it('is refused when it is not', () => {
    const wrong = [
      '{"holds":[]}',
      '{"holds":[{"state":"gone","platforms":0}]}',
      '{"holds":[{"state":"listed","platforms":-1}]}',
      '{"holds":[{"state":"listed","platforms":"1"}]}',
      '{"holds":[{"state":"listed","platforms":1.5}]}',
    ];
    for (const text of wrong) expect(() => parseStatuses(text, 1)).toThrow('reply.malformed');
    expect(() => {
      parseAccepted('{"state":"being_added"}', ['withdrawn']);
    }).toThrow('reply.malformed');
    expect(() => parseSealedCase('{"sealed":"<b>"}')).toThrow('reply.malformed');
  });

  it('never fails in any other way', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        for (const parse of PARSERS) {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(Problem);
          }
        }
        expect(problemCode(text)).toMatch(/^[a-z_.]+$/);
      }),
    );
  });

  it('takes a problem code only if it looks like one', () => {
    expect(problemCode('{"code":"case.unknown"}')).toBe('case.unknown');
    expect(problemCode('{"code":"<img src=x>"}')).toBe('reply.refused');
    expect(problemCode('Bad Gateway')).toBe('reply.refused');
  });

  it('does not let a wall point to another site', () => {
    const wall = (url: string) => `{"photos":[{"id":"a","url":${JSON.stringify(url)},"posted":1,"media":"image"}]}`;
    expect(parseWall(wall('/photos/a.jpg'))).toEqual([{ id: 'a', url: '/photos/a.jpg', postedS: 1, media: 'image' }]);
    for (const url of [
      '//elsewhere.example/a.jpg',
      'https://elsewhere.example/a.jpg',
      'data:image/png;base64,AA',
      '/\\x',
    ]) {
      expect(() => parseWall(wall(url))).toThrow('reply.malformed');
    }
  });

  it('reads a queue as platform-v1 gives it', () => {
    const lead = {
      lead_id: '0'.repeat(32),
      content_id: 'photo-1',
      held: true,
      found_later: true,
      has_copy: false,
      created: 1,
      deadline: 2,
      state: 'open',
      width: 3,
      height: 4,
      media: 'video',
      duration: 9.25,
      frames: [{ time: 1.5, match: true }],
      matches: [
        {
          list: 'vpdq',
          entry: '3'.repeat(32),
          algorithm: 'vpdq',
          distance: 2,
          tier: 'hold',
          withdrawn: false,
          votes: 11,
          times: { upload_start: 1, upload_end: 2.5, listed_start: 0, listed_end: 1.5 },
        },
        {
          list: 'pdq',
          entry: '1'.repeat(32),
          algorithm: 'pdq',
          distance: 12,
          tier: 'hold',
          withdrawn: false,
          votes: null,
        },
        {
          list: 'pdq-region',
          entry: '2'.repeat(32),
          algorithm: 'pdq-region',
          distance: 9,
          votes: 7,
          tier: 'look',
          withdrawn: true,
        },
      ],
    };
    expect(parseQueue(JSON.stringify({ leads: [lead], open: 5, overdue: 1 }))).toEqual({
      openCount: 5,
      overdue: 1,
      leads: [
        {
          id: lead.lead_id,
          held: true,
          foundLater: true,
          hasCopy: false,
          createdS: 1,
          deadlineS: 2,
          width: 3,
          height: 4,
          media: 'video',
          durationS: 9.25,
          frames: [{ timeS: 1.5, isMatch: true }],
          matches: [
            {
              algorithm: 'vpdq',
              distance: 2,
              tier: 'hold',
              votes: 11,
              times: { uploadStartS: 1, uploadEndS: 2.5, listedStartS: 0, listedEndS: 1.5 },
              withdrawn: false,
            },
            { algorithm: 'pdq', distance: 12, tier: 'hold', withdrawn: false },
            { algorithm: 'pdq-region', distance: 9, votes: 7, tier: 'look', withdrawn: true },
          ],
        },
      ],
    });
    const foreign = { ...lead, lead_id: '../../elsewhere' };
    expect(() => parseQueue(JSON.stringify({ leads: [foreign], open: 1, overdue: 0 }))).toThrow('reply.malformed');
    const before = { ...lead, frames: [{ time: -1, match: true }] };
    expect(() => parseQueue(JSON.stringify({ leads: [before], open: 1, overdue: 0 }))).toThrow('reply.malformed');
  });
});
