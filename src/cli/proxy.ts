import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type FlagValues,
  flagsWithoutEffect,
  type ProxyFlag,
  proxyFlags,
  readProxyFlags,
} from '../proxy/options.ts';
import { entryFile } from './entry.ts';
import type { Io } from './io.ts';
import { packageVersion } from './version.ts';

const help = `
The bootstrap is Envoy's (v3, YAML or JSON): the same file starts Envoy. What this proxy does not understand is refused
with the field's name.

Examples:
  weft proxy --config-path edge.yaml
  weft proxy -c edge.yaml --concurrency 4 --base-id 1
  weft proxy -c edge.yaml --concurrency 4 --base-id 1 --restart-epoch 1
  weft proxy -c sidecar.json --token-file token --cache-dir /var/lib/weft
  weft proxy -c sidecar.json --token-file token --workload-api /run/web.sock &
  SPIFFE_ENDPOINT_SOCKET=unix:///run/web.sock ./application`;

/** `weft proxy`: the proxy by itself, until SIGTERM or SIGINT. */
export function addProxyCommand(program: Command, io: Io): void {
  const command = program
    .command('proxy')
    .description('run the proxy by itself from an Envoy v3 bootstrap')
    .addHelpText('after', help);
  for (const flag of proxyFlags) command.option(spelling(flag), flag.help);
  for (const flag of flagsWithoutEffect) command.addOption(new Option(spelling(flag)).hideHelp());
  command.action(async (flags: Readonly<Record<string, string | boolean>>) => {
    const values = Object.fromEntries(
      Object.entries(flags).map(([name, value]) => [
        name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`),
        value,
      ]),
    );
    for (const { name } of flagsWithoutEffect)
      if (values[name] !== undefined) io.err(`weft proxy: --${name} has no effect here\n`);
    const options = readOptions(values);
    const { runProxy } = (await import(entryFile('proxy'))) as typeof import('../proxy/main.ts');
    process.exitCode = await runProxy({ ...options, version: packageVersion() });
  });
}

function readOptions(values: FlagValues): ReturnType<typeof readProxyFlags> {
  try {
    return readProxyFlags(values);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function spelling({ name, short, value }: ProxyFlag): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` <${value}>`}`;
}
