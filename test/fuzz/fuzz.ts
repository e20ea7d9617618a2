/**
 * Mutation fuzzing for decoders: inputs of a saved corpus are changed at random, those that tell something new are kept
 * to be changed further, and every input must hold what its target asserts. Seeded: a failure prints the input, which
 * then goes into corpus.ts. `WEFT_FUZZ_SECONDS=600 npm test -- test/fuzz` is the longer run.
 */
import { type Random, seededRandom } from '../../src/lib/random.ts';

export interface Target {
  readonly name: string;
  readonly corpus: readonly Buffer[];
  /** Decodes, asserts, and gives back in a few words what happened: inputs with new words are worth more. */
  readonly check: (input: Buffer, random: Random) => string;
  /** Default 8 KiB. */
  readonly maxBytes?: number;
}

export interface FuzzReport {
  readonly inputs: number;
  readonly kinds: number;
}

const SECONDS = Number(process.env['WEFT_FUZZ_SECONDS'] ?? 3);
const SEED = Number(process.env['WEFT_FUZZ_SEED'] ?? 1);
const MAX_POOL = 3000;
const MAX_KINDS = 20_000;
/** One input may not take longer: decoders are linear. */
const MAX_INPUT_MS = 1000;

/** Fuzzes one target for some seconds. @throws an Error with the input that broke it. */
export function fuzz(target: Target, seconds = SECONDS): FuzzReport {
  const random = seededRandom(SEED);
  const pool = [...target.corpus];
  const kinds = new Set<string>();
  const untilMs = performance.now() + seconds * 1000;
  let inputs = 0;
  const attempt = (input: Buffer): void => {
    inputs++;
    const startMs = performance.now();
    let kind: string;
    try {
      kind = target.check(input, random);
    } catch (error) {
      throw new Error(`${target.name}: ${(error as Error).stack}\ninput: ${input.toString('base64')}`);
    }
    if (performance.now() - startMs > MAX_INPUT_MS)
      throw new Error(`${target.name}: took too long\ninput: ${input.toString('base64')}`);
    if (kinds.has(kind) || kinds.size >= MAX_KINDS) return;
    kinds.add(kind);
    if (pool.length < MAX_POOL) pool.push(input);
  };
  for (const input of target.corpus) attempt(input);
  while (performance.now() < untilMs)
    for (let i = 0; i < 20; i++) attempt(mutate(pool, random, target.maxBytes ?? 8192));
  return { inputs, kinds: kinds.size };
}

const INTERESTING = [0, 1, 9, 10, 13, 32, 34, 44, 48, 58, 59, 63, 64, 127, 128, 191, 192, 254, 255];
const WORDS = [
  ...[
    '\r\n',
    '\r\n\r\n',
    '\n',
    '\0',
    ':',
    'chunked',
    'Content-Length: ',
    'Transfer-Encoding: ',
    '0\r\n\r\n',
    ';',
  ],
  ...[
    'HTTP/1.1',
    'HTTP/1.0',
    'Host: a\r\n',
    'Connection: ',
    'Upgrade',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '{',
    '}',
    '**',
    '/',
  ],
].map((text) => Buffer.from(text, 'latin1'));

function mutate(pool: readonly Buffer[], random: Random, maxBytes: number): Buffer {
  let input: Buffer = Buffer.from(pick(pool, random));
  for (let n = 1 + random.below(4); n > 0; n--) input = mutateOnce(input, pool, random);
  return input.length > maxBytes ? input.subarray(0, maxBytes) : input;
}

function mutateOnce(input: Buffer, pool: readonly Buffer[], random: Random): Buffer {
  const at = random.below(input.length + 1);
  const end = Math.min(input.length, at + 1 + random.below(random.below(2) === 0 ? 8 : 200));
  const insert = (part: Buffer): Buffer => Buffer.concat([input.subarray(0, at), part, input.subarray(at)]);
  switch (random.below(9)) {
    case 0:
      if (at < input.length) input[at] = (input[at] as number) ^ (1 << random.below(8));
      return input;
    case 1:
      if (at < input.length) input[at] = pick(INTERESTING, random);
      return input;
    case 2:
      return Buffer.concat([input.subarray(0, at), input.subarray(end)]);
    case 3:
      return insert(Buffer.from(input.subarray(at, end)));
    case 4:
      return insert(pick(WORDS, random));
    case 5: {
      const other = pick(pool, random);
      return insert(other.subarray(random.below(other.length + 1)));
    }
    case 6:
      return input.subarray(0, at);
    case 7:
      return insert(Buffer.alloc(1 + random.below(300), pick(INTERESTING, random)));
    default:
      if (at + 4 <= input.length)
        input.writeUInt32BE(random.below(2) === 0 ? random.uint32() : random.below(70), at);
      return input;
  }
}

/** Cuts an input at random places. */
export function cut(input: Buffer, random: Random): readonly Buffer[] {
  if (random.below(4) === 0 && input.length < 600) return [...input].map((byte) => Buffer.of(byte));
  const places = Array.from({ length: 1 + random.below(5) }, () => random.below(input.length + 1)).sort(
    (a, b) => a - b,
  );
  return [...places, input.length].map((end, i) => input.subarray(i === 0 ? 0 : places[i - 1], end));
}

function pick<T>(from: readonly T[], random: Random): T {
  return from[random.below(from.length)] as T;
}
