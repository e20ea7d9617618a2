import { type Command, InvalidArgumentError } from 'commander';
import { ApiFailure, askApi, DEFAULT_API } from './api-client.ts';
import { exitCodes, type Io } from './io.ts';

const parts = ['listeners', 'routes', 'clusters', 'endpoints', 'secrets', 'policies'];

const help = `
PROXY is a proxy's name as "weft proxies" prints it. Without a part all of its configuration is printed, in the form of
Envoy's /config_dump; client_status tells whether the proxy has taken a resource. The part policies is weft's own: rules,
tokens and TLS that filter chains ask for.

Examples:
  weft dump examples/bookinfo --proxy sidecar~default/productpage-v1
  weft dump examples/bookinfo --proxy gateway~istio-system/istio-ingressgateway
  weft dump productpage-v1-0.default routes`;

interface DumpFlags {
  readonly proxy?: string;
  readonly api: string;
}

/** `weft dump`: of files with --proxy, of the live mesh without. */
export function addDumpCommand(program: Command, io: Io): void {
  program
    .command('dump')
    .description('print the xDS that one proxy gets, from files or from the live mesh')
    .usage('FILES... --proxy TYPE~NS/WORKLOAD | PROXY [PART]')
    .argument('<what...>', `files and folders; or a proxy of the live mesh and a part (${parts.join(', ')})`)
    .option('--proxy <name>', 'TYPE~NAMESPACE/WORKLOAD, TYPE is sidecar, gateway or router', proxyName)
    .option('-o, --output <format>', 'json (the only one)', 'json')
    .option('--api <url>', 'of the control plane', DEFAULT_API)
    .addHelpText('after', help)
    .action(async (what: string[], flags: DumpFlags) => {
      process.exitCode = await dump(what, flags, io);
    });
}

async function dump(what: readonly string[], { proxy, api }: DumpFlags, io: Io): Promise<number> {
  if (proxy !== undefined) return (await import('./dump.ts')).runDump(what, { proxy }, io);
  return runLiveDump(what, api, io);
}

/** Prints what a proxy of the mesh that runs was sent: all of it, or one part. */
export async function runLiveDump(what: readonly string[], api: string, io: Io): Promise<number> {
  const [name = '', part, ...more] = what;
  if (more.length > 0 || (part !== undefined && !parts.includes(part))) {
    io.err(
      `weft dump: give one proxy and one part of ${parts.join(', ')}; or files with --proxy TYPE~NS/WORKLOAD\n`,
    );
    return exitCodes.misused;
  }
  const query = new URLSearchParams({ proxy: name, ...(part === undefined ? {} : { part }) });
  try {
    const answer = await askApi<unknown>(api, `/api/dump?${query}`);
    io.out(`${JSON.stringify(answer, null, 2)}\n`);
    return exitCodes.fine;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    io.err(`weft dump: ${error.message}\n`);
    return exitCodes.notFine;
  }
}

function proxyName(text: string): string {
  if (/^[a-z]+~[^/]+\/.+$/.test(text)) return text;
  throw new InvalidArgumentError('is written TYPE~NAMESPACE/WORKLOAD, such as sidecar~default/reviews-v1.');
}
