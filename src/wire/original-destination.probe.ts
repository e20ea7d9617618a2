import { execFileSync } from 'node:child_process';
import type { Connection } from './connection.ts';
import { network } from './net.ts';
import { originalDestination, originalDestinationProblem } from './original-destination.ts';

// Runs inside a network namespace of its own (see the test beside it): redirects two destinations to one listener,
// calls them, and prints what the listener takes for the original destination.

const RULES = `
table inet weft_probe {
  chain output {
    type nat hook output priority -100;
    ip daddr 10.9.9.9 tcp dport 80 redirect to :15001
    ip6 daddr fd00::9 tcp dport 8080 redirect to :15001
  }
}`;

execFileSync('ip', ['link', 'set', 'lo', 'up']);
execFileSync('ip', ['addr', 'add', '10.9.9.9/32', 'dev', 'lo']);
execFileSync('ip', ['addr', 'add', 'fd00::9/128', 'dev', 'lo', 'nodad']);
execFileSync('nft', ['-f', '-'], { input: RULES });

const seen: unknown[] = [];

async function call(host: string, port: number): Promise<void> {
  const client = await network.connect({ host, port, timeoutMs: 5000 });
  if (!client.ok) throw new Error(client.error.message);
  client.value.destroy();
}

function onConnection(connection: Connection): void {
  seen.push(originalDestination(connection));
  connection.destroy();
}

for (const host of ['127.0.0.1', '::1']) {
  const listener = await network.listen({ host, port: 15001, onConnection });
  if (!listener.ok) throw new Error(listener.error.message);
}
await call('10.9.9.9', 80);
await call('fd00::9', 8080);
await call('127.0.0.1', 15001);
while (seen.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
console.log(JSON.stringify({ problem: originalDestinationProblem(), seen }));
process.exit(0);
