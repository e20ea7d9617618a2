import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { entryFile } from './entry.ts';
import { exitCodes, type Io } from './io.ts';

/** `weft ca rotate`. */
export function addCaRotate(ca: Command, io: Io): void {
  ca.command('rotate')
    .description('replace the root that weft made: the running control plane begins within a second')
    .option('--key-dir <dir>', 'folder of the CA')
    .addHelpText('after', HELP)
    .action(async (_flags: object, command: Command) => {
      const { keyDir } = command.optsWithGlobals<{ keyDir?: string }>();
      if (keyDir === undefined) command.error("error: required option '--key-dir <dir>' not specified");
      else process.exitCode = await runCaRotate(keyDir, io);
    });
}

const HELP = `
--key-dir names the folder of the CA (of "weft up": .weft/run/*/control/ca below the mesh's folder). Who may write there
may ask. A CA of your own (--cacerts, the Secret cacerts) is rotated by replacing its files.

No step is taken before every proxy has taken the one before; weft ca status tells whom it waits for.

Examples:
  weft ca rotate --key-dir ./ca
  weft ca rotate --key-dir ./ca && weft ca status`;

/** Asks; 1 where that CA cannot be rotated now. */
export async function runCaRotate(keyDir: string, io: Io): Promise<number> {
  try {
    const main = (await import(pathToFileURL(entryFile('ca')).href)) as typeof import('../ca/main.ts');
    await main.rotate(keyDir);
    io.out('asked for; weft ca status tells how far it is\n');
    return exitCodes.fine;
  } catch (error) {
    io.err(`weft ca rotate: ${(error as Error).message}\n`);
    return exitCodes.notFine;
  }
}
