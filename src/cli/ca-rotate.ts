import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { ApiFailure, callApi, DEFAULT_API } from './api-client.ts';
import { auditByUser } from './audit.ts';
import { entryFile } from './entry.ts';
import { exitCodes, type Io } from './io.ts';

/** `weft ca rotate`. */
export function addCaRotate(ca: Command, io: Io): void {
  ca.command('rotate')
    .description('replace the root that weft made: the running control plane begins within a second')
    .option('--key-dir <dir>', 'folder of the CA; absent: the running control plane is asked')
    .option('--api <url>', 'the API of the control plane', DEFAULT_API)
    .addHelpText('after', HELP)
    .action(async (_flags: object, command: Command) => {
      const { keyDir, api } = command.optsWithGlobals<{ keyDir?: string; api: string }>();
      process.exitCode = await (keyDir === undefined ? askForRotation(api, io) : runCaRotate(keyDir, io));
    });
}

const HELP = `
Without --key-dir the control plane that runs is asked, which takes the role admin: "weft up" leaves a token for whoever
started it, other tokens come in WEFT_API_TOKEN. With it, who may write to the folder of the CA may ask. A CA of your own (--cacerts, the Secret cacerts) is rotated by replacing its files.

No step is taken before every proxy has taken the one before; weft ca status tells whom it waits for.

Examples:
  weft ca rotate
  weft ca rotate --key-dir ./ca && weft ca status`;

/** Asks the running control plane; 1 where it cannot or we may not. */
export async function askForRotation(api: string, io: Io): Promise<number> {
  try {
    await callApi(api, '/api/ca/rotate', 'POST');
    io.out('asked for; weft ca status tells how far it is\n');
    return exitCodes.fine;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    io.err(`weft ca rotate: ${error.message}\n`);
    return exitCodes.notFine;
  }
}

/** Asks; 1 where that CA cannot be rotated now. */
export async function runCaRotate(keyDir: string, io: Io): Promise<number> {
  try {
    const main = (await import(pathToFileURL(entryFile('ca')).href)) as typeof import('../ca/main.ts');
    await main.rotate(keyDir);
    auditByUser(keyDir, 'rotate the root', '');
    io.out('asked for; weft ca status tells how far it is\n');
    return exitCodes.fine;
  } catch (error) {
    io.err(`weft ca rotate: ${(error as Error).message}\n`);
    return exitCodes.notFine;
  }
}
