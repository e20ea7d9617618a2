import { type Command, InvalidArgumentError, Option } from 'commander';
import { entryFile } from './entry.ts';
import type { Io } from './io.ts';
import { packageVersion } from './version.ts';

const help = `
The bootstrap is Envoy's (v3, YAML or JSON): the same file starts Envoy. What this proxy does not understand is refused
with the field's name.

Examples:
  weft proxy --config-path edge.yaml
  weft proxy -c sidecar.json --token-file token --cache-dir /var/lib/weft`;

interface ProxyFlags {
  readonly configPath: string;
  readonly concurrency: number;
  readonly tokenFile?: string;
  readonly trustDomain: string;
  readonly cacheDir?: string;
  readonly logLevel: 'debug' | 'info' | 'warning' | 'error';
  readonly drainTimeS: number;
}

/** `weft proxy`: the proxy by itself, until SIGTERM or SIGINT. */
export function addProxyCommand(program: Command, io: Io): void {
  program
    .command('proxy')
    .description('run the proxy by itself from an Envoy v3 bootstrap')
    .requiredOption('-c, --config-path <file>', 'the bootstrap')
    .addOption(
      new Option('--concurrency <n>', 'workers on shared listeners').default(1).argParser(wholeNumber),
    )
    .option('--token-file <file>', 'service-account token that proves who we are to the CA')
    .option('--trust-domain <name>', 'trust domain of our identity', 'cluster.local')
    .option('--cache-dir <dir>', 'keeps the last good configuration there, and starts from it')
    .addOption(
      new Option('--log-level <level>', 'of the own log')
        .choices(['debug', 'info', 'warning', 'error'])
        .default('info'),
    )
    .addOption(
      new Option('--drain-time-s <s>', 'how long open streams may go on after SIGTERM')
        .default(5)
        .argParser(wholeNumber),
    )
    .addHelpText('after', help)
    .action(async (flags: ProxyFlags) => {
      if (flags.concurrency > 1)
        io.err('weft proxy: one worker serves; --concurrency beyond 1 has no effect yet\n');
      const { runProxy } = (await import(entryFile('proxy'))) as typeof import('../proxy/main.ts');
      process.exitCode = await runProxy({
        configPath: flags.configPath,
        ...(flags.tokenFile === undefined
          ? {}
          : { tokenFile: flags.tokenFile, trustDomain: flags.trustDomain }),
        ...(flags.cacheDir === undefined ? {} : { cacheDirectory: flags.cacheDir }),
        logLevel: flags.logLevel,
        drainTimeMs: flags.drainTimeS * 1000,
        version: packageVersion(),
      });
    });
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new InvalidArgumentError('takes a whole number.');
}
