import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import { auditByUser } from './audit.ts';
import { entryFile } from './entry.ts';
import { exitCodes, type Io } from './io.ts';

interface Flags {
  readonly keyDir?: string;
  readonly workload: { readonly namespace: string; readonly name: string };
  readonly serviceAccount: string;
  readonly ttl: number;
  readonly out?: string;
}

/** `weft ca token create`. */
export function addCaToken(ca: Command, io: Io): void {
  ca.command('token')
    .description('one-time tokens, by which machines outside of any platform join')
    .command('create')
    .description('print a token that gives one certificate, once')
    .option('--key-dir <dir>', 'folder of the CA')
    .requiredOption('--workload <ns/name>', 'whose token: the proxy has to be called so', workload)
    .option('--service-account <name>', 'the identity that it gets', 'default')
    .option('--ttl <duration>', 'how long it may be used: 30m, 24h, 7d at most', duration, 3600)
    .option('--out <file>', 'write it into a file (mode 0600) instead of printing it')
    .addHelpText('after', HELP)
    .action(async (_flags: object, command: Command) => {
      const { keyDir, ...flags } = command.optsWithGlobals<Flags>();
      if (keyDir === undefined) command.error("error: required option '--key-dir <dir>' not specified");
      else process.exitCode = await runCreate({ ...flags, keyDir }, io);
    });
}

const HELP = `
--key-dir names the folder of the CA, which keeps a hash of the token. Bring the token to the machine as a file that only
its proxy may read; the agent or proxy shows it once, and from then on renews with the certificate that it got.

Examples:
  weft ca token create --key-dir ./ca --workload vms/db-1 --service-account db --ttl 30m --out token
  weft proxy -c sidecar.json --token-file token --cache-dir /var/lib/weft`;

async function runCreate(flags: Flags & { readonly keyDir: string }, io: Io): Promise<number> {
  const { keyDir, workload: of, serviceAccount, ttl, out } = flags;
  try {
    const main = (await import(pathToFileURL(entryFile('ca')).href)) as typeof import('../ca/main.ts');
    const order = { namespace: of.namespace, workload: of.name, serviceAccount, ttlS: ttl };
    const text = `${await main.makeJoinToken(keyDir, order, Date.now())}\n`;
    auditByUser(keyDir, 'create join token', `${of.namespace}/${of.name} as ${serviceAccount}, for ${ttl} s`);
    // Never into a file that is there: it may be a link, or readable by others.
    if (out === undefined) io.out(text);
    else await writeFile(out, text, { mode: 0o600, flag: 'wx' });
    return exitCodes.fine;
  } catch (error) {
    io.err(`weft ca token create: ${(error as Error).message}\n`);
    return exitCodes.notFine;
  }
}

function workload(text: string): Flags['workload'] {
  const [namespace = '', name = '', ...more] = text.split('/');
  if (namespace === '' || name === '' || more.length > 0)
    throw new InvalidArgumentError('It must be NAMESPACE/NAME.');
  return { namespace, name };
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds. */
function duration(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('It must be a number with s, m, h or d.');
  return Number(count) * (UNITS[unit] ?? 1);
}
