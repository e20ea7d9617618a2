import type { Io } from '../../cli/io.ts';

/** An Io that keeps what a command writes, for tests. */
export function recordedIo(cwd: string, stdin = ''): Io & { readonly written: { out: string; err: string } } {
  const written = { out: '', err: '' };
  return {
    written,
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    terminal: false,
    cwd,
    env: {},
    stdin: async () => stdin,
  };
}
