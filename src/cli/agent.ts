import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import type { AgentOptions, RunningAgent } from '../agent/main.ts';
import { entryFile } from './entry.ts';
import { exitCodes, type Io } from './io.ts';
import { untilStopped } from './stop.ts';

/** `weft agent`: what Envoys of this node lack to be proxies of the mesh. */
export function addAgentCommand(program: Command, io: Io): void {
  program
    .command('agent')
    .description('connect the Envoys of this machine: ADS and SDS on a Unix socket each')
    .requiredOption('--config-dir <dir>', 'folder with one *.json for each Envoy; watched')
    .addHelpText('after', HELP)
    .action(async (flags: AgentOptions) => {
      process.exitCode = await runAgent(flags, io);
    });
}

const HELP = `
Each file: {"namespace": "default", "pod": "web-1", "serviceAccount": "web", "trustDomain": "cluster.local",
 "socketPath": "/run/web-1.sock", "socketUid": 1337, "tokenFile": "token", "controlAddress": "127.0.0.1:15012",
 "caRoot": "roots.pem", "serverName": "istiod.istio-system.svc", "cacheDir": "cache",
 "workloadApi": "/run/web-1.spiffe.sock", "workloadApiUid": 1000}
The token may be a one-time token (weft ca token create). The software beside the Envoy takes its identity from
workloadApi: start it with SPIFFE_ENDPOINT_SOCKET=unix:///run/web-1.spiffe.sock.

Examples:
  weft agent --config-dir /run/weft/agent`;

/** Serves until SIGINT or SIGTERM; 1 where it cannot start. */
export async function runAgent(options: AgentOptions, io: Io): Promise<number> {
  let agent: RunningAgent;
  try {
    const entry = pathToFileURL(entryFile('agent')).href;
    const main = (await import(entry)) as typeof import('../agent/main.ts');
    agent = await main.runAgent(options, { log: (line) => io.err(`${line}\n`) });
  } catch (error) {
    io.err(`weft agent: ${error instanceof Error ? error.message : error}\n`);
    return exitCodes.notFine;
  }
  const stopped = untilStopped(); // before anyone is told that it is ready
  io.out(`${JSON.stringify({ ready: true, workloads: agent.workloads() })}\n`);
  await stopped;
  await agent.close();
  return exitCodes.fine;
}
