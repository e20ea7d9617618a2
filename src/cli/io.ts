/**
 * What a command has of the world: where it writes, what it reads, who watches. Tests hand in their own.
 * Called by: every file of this folder. Never: console.log elsewhere in a command.
 */
export interface Io {
  /** Writes to standard output as it stands (no line end added). */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** Standard output is a terminal: colour and redrawing are welcome (NO_COLOR and -o json decide further). */
  readonly terminal: boolean;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** All of standard input as text. */
  stdin(): Promise<string>;
}

/** Exit codes of every command (the command line is a promise to pipelines). */
export const exitCodes = { fine: 0, notFine: 1, misused: 2 } as const;

/** The formats of `-o`. */
export type OutputFormat = 'text' | 'json';

/** The Io of this process. */
export function processIo(): Io {
  // `weft dump ... | head` closes our output early: that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    terminal: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
    cwd: process.cwd(),
    env: process.env,
    stdin: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    },
  };
}
