/** The puzzle that the registry asks a device to solve before it takes something in. Source: docs/protocol/case-v1.md §9. */
import { asciiBytes, concatBytes, toBase64, type Bytes } from './bytes.ts';
import { Reader } from './parse.ts';

/** ALTCHA's challenge, as it came, and what this project's registry wrote into it. */
export interface Puzzle {
  readonly parameters: PuzzleParameters;
  readonly signature: string;
}

export interface PuzzleParameters {
  readonly algorithm: 'PBKDF2/SHA-256';
  readonly cost: number;
  readonly data: { readonly binding: string; readonly guesses: number; readonly until: number };
  readonly keyLength: number;
  readonly keyPrefix: string;
  readonly keySignature: string;
  readonly nonce: string;
  readonly salt: string;
}

/** What solves it: ALTCHA's names. */
export interface PuzzleSolution {
  readonly counter: number;
  readonly derivedKey: string;
}

/** What a device agrees to at most: a server that asks for more is not believed. */
const MAX_ROUNDS = 100_000;
const MAX_GUESSES = 1_000_000;

const REPLY = 'reply.malformed';
const CONTEXT = 'takeback/proof/v1\n';
const HEX_32 = /^[0-9a-f]{32}$/;
const HEX_64 = /^[0-9a-f]{64}$/;

/** What ties a proof to one request: hash it with SHA-256 (§9.1). The body is ASCII, as this project's bodies are. */
export function bindingInput(path: string, body: string): Bytes {
  return concatBytes(asciiBytes(`${CONTEXT}${path}\n`), asciiBytes(body));
}

/** Body of `POST /v1/challenges`. */
export function challengeBody(binding: string): string {
  return JSON.stringify({ binding });
}

/** Reply of `POST /v1/challenges`; `undefined` where no proof is asked for. */
export function parsePuzzle(untrustedText: string, binding: string): Puzzle | undefined {
  const read = new Reader(REPLY);
  const untrusted = read.record(read.json(untrustedText))['challenge'];
  if (untrusted === undefined) return undefined;
  const challenge = read.record(untrusted);
  const parameters = read.record(challenge['parameters']);
  const data = read.record(parameters['data']);
  const puzzle: Puzzle = {
    parameters: {
      algorithm: read.oneOf(parameters['algorithm'], ['PBKDF2/SHA-256']),
      cost: read.whole(parameters['cost'], 1),
      data: {
        binding: read.text(data['binding'], HEX_64),
        guesses: read.whole(data['guesses'], 1),
        until: read.whole(data['until'], 0),
      },
      keyLength: read.whole(parameters['keyLength'], 32),
      keyPrefix: read.text(parameters['keyPrefix'], /^(?:[0-9a-f]{2}){1,32}$/),
      keySignature: read.text(parameters['keySignature'], HEX_64),
      nonce: read.text(parameters['nonce'], HEX_32),
      salt: read.text(parameters['salt'], HEX_32),
    },
    signature: read.text(challenge['signature'], HEX_64),
  };
  const { cost, data: about, keyLength } = puzzle.parameters;
  const isOurs = about.binding === binding && keyLength === 32 && cost <= MAX_ROUNDS && about.guesses <= MAX_GUESSES;
  return isOurs ? puzzle : read.fail();
}

/** The header that goes with the request. */
export function proofHeader(puzzle: Puzzle, solution: PuzzleSolution): string {
  return toBase64(asciiBytes(JSON.stringify({ challenge: puzzle, solution })));
}
