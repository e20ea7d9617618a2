import { pathToFileURL } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import { isTrustDomain } from '../wire/identity/spiffe.ts';
import { addCaExport } from './ca-export.ts';
import { addCaRotate } from './ca-rotate.ts';
import { addCaStatus } from './ca-status.ts';
import { addCaToken } from './ca-token.ts';
import { entryFile } from './entry.ts';
import { exitCodes, type Io } from './io.ts';

/** `weft ca`: the certificate authority by itself, until `stop` (SIGINT or SIGTERM). */
export function addCaCommand(program: Command, io: Io, stop: () => AbortSignal = stopSignal): void {
  const command = program
    .command('ca')
    .description('serve the certificate authority by itself, and look after the one of the mesh')
    .option('--key-dir <dir>', 'folder of the CA key; a root is made there at the first start (mode 0600)')
    .option('--cacerts <dir>', 'your own CA: ca-cert.pem, ca-key.pem, cert-chain.pem, root-cert.pem')
    .option('--token-jwks <file>', 'public keys of service-account tokens (JWKS); read again when it changes')
    .option('--token-issuer <text>', 'the issuer (iss) that tokens must name')
    .addOption(
      new Option('--trust-domain <name>', 'trust domain').default('cluster.local').argParser(trustDomain),
    )
    .addOption(
      new Option('--listen <host:port>', 'where to serve; port 0 takes a free one')
        .default({ host: '127.0.0.1', port: 15012 }, '127.0.0.1:15012')
        .argParser(hostAndPort),
    )
    .option('--trust-domain-alias <name...>', 'older names of the trust domain: accepted, never issued')
    .option('--roots-file <file>', 'write the trust bundle (PEM) there for clients')
    .addHelpText('after', HELP)
    .action(async ({ keyDir, ...flags }: CaFlags) => {
      if (keyDir === undefined) command.error("error: required option '--key-dir <dir>' not specified");
      else process.exitCode = await serveCa({ ...flags, keyDir }, io, stop());
    });
  addCaStatus(command, io);
  addCaRotate(command, io);
  addCaExport(command, io);
  addCaToken(command, io);
}

const HELP = `
Examples:
  weft ca --key-dir ./ca --token-jwks ./jwks.json --roots-file ./roots.pem
  weft ca --key-dir ./ca --cacerts /etc/cacerts --trust-domain prod.example --listen 0.0.0.0:15012`;

interface CaFlags {
  readonly keyDir?: string;
  readonly cacerts?: string;
  readonly tokenJwks?: string;
  readonly tokenIssuer?: string;
  readonly trustDomain: string;
  readonly trustDomainAlias?: readonly string[];
  readonly listen: { readonly host: string; readonly port: number };
  readonly rootsFile?: string;
}

async function serveCa(
  flags: CaFlags & { readonly keyDir: string },
  io: Io,
  stop: AbortSignal,
): Promise<number> {
  try {
    // By its own bundle: dist/cli.js carries nothing of the CA.
    const entry = pathToFileURL(entryFile('ca')).href;
    const { runCa } = (await import(entry)) as typeof import('../ca/main.ts');
    const ca = await runCa({
      trustDomain: flags.trustDomain,
      keyDir: flags.keyDir,
      ...(flags.trustDomainAlias && { trustDomainAliases: flags.trustDomainAlias }),
      ...(flags.cacerts === undefined ? {} : { cacertsDir: flags.cacerts }),
      ...(flags.tokenJwks === undefined ? {} : { tokenJwksFile: flags.tokenJwks }),
      ...(flags.tokenIssuer === undefined ? {} : { tokenIssuer: flags.tokenIssuer }),
      ...(flags.rootsFile === undefined ? {} : { rootsFile: flags.rootsFile }),
      ...flags.listen,
      clock: systemClock,
      random: () => systemRandom.next(),
      log: (line) => io.err(`${line}\n`),
    });
    io.out(`CA of ${flags.trustDomain} serves on ${flags.listen.host}:${ca.port}\n`);
    await aborted(stop);
    await ca.close();
    return exitCodes.fine;
  } catch (error) {
    io.err(`weft ca: ${error instanceof Error ? error.message : error}\n`);
    return exitCodes.notFine;
  }
}

/** `HOST:PORT`, `[IPv6]:PORT` or `:PORT` (every address). */
export function hostAndPort(text: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) throw new InvalidArgumentError('It must be HOST:PORT.');
  return { host: bracketed ?? (plain || '0.0.0.0'), port };
}

function trustDomain(text: string): string {
  if (!isTrustDomain(text)) throw new InvalidArgumentError('It may hold a-z, 0-9, ".", "-" and "_".');
  return text;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  return controller.signal;
}
