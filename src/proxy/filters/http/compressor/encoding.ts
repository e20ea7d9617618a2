import {
  type BrotliCompress,
  brotliCompressSync,
  constants,
  crc32,
  createBrotliCompress,
  deflateRawSync,
} from 'node:zlib';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';

// Encodings of bodies. Each piece of a body is compressed and flushed when it comes: what streams goes on streaming.

/** Compresses one body, piece by piece. One piece at a time: the next only when a promise is kept. */
export interface Encoder {
  push(bytes: Buffer): Buffer | Promise<Buffer>;
  end(): Buffer | Promise<Buffer>;
  /** Nobody wants the rest. */
  close(): void;
}

export interface Encoding {
  /** As in content-encoding. */
  readonly name: 'gzip' | 'br';
  /** For a body of this length, infinite where it is not known. */
  encoder(length: number): Encoder;
}

/** Bodies up to this are kept until they are whole and then compressed at once, which costs least. */
const MAX_WHOLE_BYTES = 32 * 1024;
/** How far back gzip looks. */
const WINDOW_BYTES = 32 * 1024;

const EMPTY = Buffer.alloc(0);
const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
/** A last block without content. */
const LAST_BLOCK = Buffer.from([3, 0]);

const STRATEGIES: Readonly<Record<string, number>> = {
  DEFAULT_STRATEGY: constants.Z_DEFAULT_STRATEGY,
  FILTERED: constants.Z_FILTERED,
  HUFFMAN_ONLY: constants.Z_HUFFMAN_ONLY,
  RLE: constants.Z_RLE,
  FIXED: constants.Z_FIXED,
};

/** compression.gzip.compressor.v3.Gzip. */
export function readGzip(message: object, refuse: Refuse, field: string): Encoding {
  const {
    memory_level = 5,
    compression_level = 'DEFAULT_COMPRESSION',
    ...more
  } = message as {
    readonly memory_level?: number;
    readonly compression_level?: string;
    readonly compression_strategy?: string;
    readonly window_bits?: number;
  };
  // The size of zlib's output buffer, which nobody sees.
  const { compression_strategy = 'DEFAULT_STRATEGY', window_bits = 12, ...others } = more;
  const { chunk_size: _chunk, ...rest } = others as { readonly [field: string]: unknown };
  refuseRest(refuse, field, rest);
  const inRange = (value: number, least: number, most: number, name: string): void => {
    if (!(value >= least && value <= most))
      refuse(fieldIn(field, name), `is not between ${least} and ${most}`);
  };
  inRange(memory_level, 1, 9, 'memory_level');
  inRange(window_bits, 9, 15, 'window_bits');
  const options = {
    memLevel: memory_level,
    windowBits: window_bits,
    level: gzipLevel(compression_level),
    strategy: STRATEGIES[compression_strategy] ?? constants.Z_DEFAULT_STRATEGY,
    finishFlush: constants.Z_SYNC_FLUSH,
  };
  return { name: 'gzip', encoder: () => new GzipEncoder(options) };
}

/** `COMPRESSION_LEVEL_3` and three words. */
function gzipLevel(name: string): number {
  if (name === 'BEST_SPEED') return constants.Z_BEST_SPEED;
  if (name === 'BEST_COMPRESSION') return constants.Z_BEST_COMPRESSION;
  return Number(/^COMPRESSION_LEVEL_(\d)$/.exec(name)?.[1] ?? constants.Z_DEFAULT_COMPRESSION);
}

/** Pieces are blocks of one stream (RFC 1951, 1952): each may refer to what came before, which is its dictionary. */
class GzipEncoder implements Encoder {
  readonly #options: Parameters<typeof deflateRawSync>[1];
  #before: Buffer = EMPTY;
  #crc = 0;
  #length = 0;
  #started = false;

  constructor(options: Parameters<typeof deflateRawSync>[1]) {
    this.#options = options;
  }

  push(bytes: Buffer): Buffer {
    const dictionary = this.#before.length === 0 ? {} : { dictionary: this.#before };
    const block = deflateRawSync(bytes, { ...this.#options, ...dictionary });
    this.#crc = crc32(bytes, this.#crc);
    this.#length += bytes.length;
    this.#before = Buffer.concat([this.#before, bytes]).subarray(-WINDOW_BYTES);
    return this.#withHead(block);
  }

  end(): Buffer {
    const tail = Buffer.alloc(8);
    tail.writeUInt32LE(this.#crc, 0);
    tail.writeUInt32LE(this.#length % 2 ** 32, 4);
    return this.#withHead(LAST_BLOCK, tail);
  }

  close(): void {}

  #withHead(...parts: readonly Buffer[]): Buffer {
    const head = this.#started ? [] : [GZIP_HEAD];
    this.#started = true;
    return Buffer.concat([...head, ...parts]);
  }
}

const MODES: Readonly<Record<string, number>> = {
  DEFAULT: constants.BROTLI_DEFAULT_MODE,
  GENERIC: constants.BROTLI_MODE_GENERIC,
  TEXT: constants.BROTLI_MODE_TEXT,
  FONT: constants.BROTLI_MODE_FONT,
};

/** compression.brotli.compressor.v3.Brotli. */
export function readBrotli(message: object, refuse: Refuse, field: string): Encoding {
  const {
    quality = 3,
    encoder_mode = 'DEFAULT',
    window_bits = 18,
    ...more
  } = message as {
    readonly quality?: number;
    readonly encoder_mode?: string;
    readonly window_bits?: number;
    readonly input_block_bits?: number;
    readonly disable_literal_context_modeling?: boolean;
  };
  const { input_block_bits = 24, disable_literal_context_modeling = false, ...others } = more;
  const { chunk_size: _chunk, ...rest } = others as { readonly [field: string]: unknown };
  refuseRest(refuse, field, rest);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: quality,
    [constants.BROTLI_PARAM_MODE]: MODES[encoder_mode] ?? constants.BROTLI_DEFAULT_MODE,
    [constants.BROTLI_PARAM_LGWIN]: window_bits,
    [constants.BROTLI_PARAM_LGBLOCK]: input_block_bits,
    [constants.BROTLI_PARAM_DISABLE_LITERAL_CONTEXT_MODELING]: disable_literal_context_modeling ? 1 : 0,
  };
  return {
    name: 'br',
    encoder: (length) => (length <= MAX_WHOLE_BYTES ? wholeBrotli(params) : new BrotliStream(params)),
  };
}

/** Brotli has no dictionary that could be carried from piece to piece: long bodies go through one compressor of zlib. */
class BrotliStream implements Encoder {
  readonly #stream: BrotliCompress;
  #made: Buffer[] = [];
  #reject: (error: Error) => void = () => {};

  constructor(params: { [key: number]: number }) {
    this.#stream = createBrotliCompress({ params });
    this.#stream.on('data', (bytes: Buffer) => this.#made.push(bytes));
    this.#stream.on('error', (error) => this.#reject(error));
  }

  push(bytes: Buffer): Promise<Buffer> {
    return this.#whenDone((done) => {
      this.#stream.write(bytes);
      this.#stream.flush(constants.BROTLI_OPERATION_FLUSH, done);
    });
  }

  end(): Promise<Buffer> {
    return this.#whenDone((done) => {
      this.#stream.once('end', done);
      this.#stream.end();
    });
  }

  close(): void {
    this.#stream.destroy();
  }

  #whenDone(start: (done: () => void) => void): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      start(() => {
        const made = this.#made;
        this.#made = [];
        resolve(Buffer.concat(made));
      });
    });
  }
}

/** A short body, kept until it is whole. */
function wholeBrotli(params: { [key: number]: number }): Encoder {
  const pieces: Buffer[] = [];
  return {
    push(bytes) {
      pieces.push(bytes);
      return EMPTY;
    },
    end: () => brotliCompressSync(Buffer.concat(pieces), { params }),
    close() {},
  };
}
