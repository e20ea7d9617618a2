/**
 * The command line. Each command is one file of this folder and registers itself; what it needs beyond its flags is
 * imported when it runs, so that `weft --help` costs nothing of the control plane.
 */
import { Command, CommanderError } from 'commander';
import { exitCodes, type Io, processIo } from './io.ts';
import { packageVersion } from './version.ts';

const overview = `
Examples:
  weft up examples/bookinfo                 run a mesh on this machine
  weft validate manifests/                  is each object well-formed?
  weft explain mesh.yaml --from default/web --request 'GET http://api/'
                                            where would this request go, and why?
  weft test test/traffic                    do requests go where they should?
  weft dump mesh.yaml --proxy sidecar~default/web
                                            the configuration one proxy gets
  weft mtls plan default                    who still calls without mutual TLS?
  weft status                               what runs, and whether it is in sync
  weft wait --for=live VirtualService/reviews
                                            until a change is in use everywhere

weft COMMAND --help explains a command with examples. Exit codes: 0 fine, 1 not fine, 2 used wrongly.`;

type AddCommand = (program: Command, io: Io) => void;

/** Where each command lies. Only the one that is run is loaded; help loads them all. */
const commands: Readonly<Record<string, () => Promise<AddCommand>>> = {
  up: async () => (await import('./up.ts')).addUpCommand,
  dump: async () => (await import('./dump-command.ts')).addDumpCommand,
  test: async () => (await import('./test.ts')).addTestCommand,
  explain: async () => (await import('./explain.ts')).addExplainCommand,
  proxies: async () => (await import('./proxies.ts')).addProxiesCommand,
  why: async () => (await import('./why.ts')).addWhyCommand,
  wait: async () => (await import('./wait.ts')).addWaitCommand,
  status: async () => (await import('./status.ts')).addStatusCommand,
  validate: async () => (await import('./validate.ts')).addValidateCommand,
  proxy: async () => (await import('./proxy.ts')).addProxyCommand,
  control: async () => (await import('./control.ts')).addControlCommand,
  agent: async () => (await import('./agent.ts')).addAgentCommand,
  ca: async () => (await import('./ca.ts')).addCaCommand,
  mtls: async () => (await import('./mtls.ts')).addMtlsCommand,
  bench: async () => (await import('./bench.ts')).addBenchCommand,
  version: async () => (await import('./version.ts')).addVersionCommand,
};

/** The program with the named command, or with all. */
export async function makeProgram(io: Io, name: string | undefined): Promise<Command> {
  const program = new Command('weft')
    .enablePositionalOptions() // a command below a command has options of its own
    .description(
      "A service mesh: Istio's API and the Kubernetes Gateway API on Envoy, on weft's own proxy and on gRPC",
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .showHelpAfterError('(weft COMMAND --help explains the command)')
    .addHelpText('after', overview)
    .exitOverride();
  const wanted = name === undefined ? undefined : commands[name];
  const add =
    wanted === undefined
      ? await Promise.all(Object.values(commands).map((load) => load()))
      : [await wanted()];
  for (const each of add) each(program, io);
  for (const command of program.commands) command.exitOverride().configureOutput(program.configureOutput());
  return program;
}

/** Runs one command line; the exit code. */
export async function main(args: readonly string[], io: Io): Promise<number> {
  try {
    const program = await makeProgram(io, args[0]);
    if (args.length === 0) program.help();
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? exitCodes.fine);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.misused;
    io.err(`weft: ${error instanceof Error ? error.message : String(error)}\n`);
    return exitCodes.notFine;
  }
}

process.exitCode = await main(process.argv.slice(2), processIo());
