import { sleep } from '../../lib/clock.ts';
import type { DnsServerOptions } from './dns-server-options.ts';
import type { DnsTable } from './dns-table.ts';

/** Bytes that an answer must begin with to be one to this question: the same id (RFC 1035 §4.1.1). */
const idBytes = 2;

/**
 * Asks the resolvers in order, each for the table's time, over a socket of its own: the port that the system chooses
 * is what makes answers hard to forge. The answer as it came, or undefined.
 */
export async function askUpstream(
  question: Buffer,
  table: DnsTable,
  options: DnsServerOptions,
): Promise<Uint8Array | undefined> {
  for (const resolver of table.upstream) {
    const answer = await askOne(question, resolver, table.upstreamTimeoutMs, options);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

async function askOne(
  question: Buffer,
  resolver: DnsTable['upstream'][number],
  timeoutMs: number,
  { network, clock, sourceAddress }: DnsServerOptions,
): Promise<Uint8Array | undefined> {
  let heard: (answer: Buffer) => void = () => {};
  const answered = new Promise<Buffer>((resolve) => {
    heard = resolve;
  });
  const any = resolver.host.includes(':') ? '::' : '0.0.0.0';
  const socket = await network.listenUdp({
    host: sourceAddress ?? any,
    port: 0,
    onMessage(bytes, from) {
      const fits = from.address === resolver.host && from.port === resolver.port;
      if (fits && bytes.subarray(0, idBytes).equals(question.subarray(0, idBytes))) heard(bytes);
    },
  });
  if (!socket.ok) return undefined;
  socket.value.send(question, { address: resolver.host, port: resolver.port });
  const answer = await Promise.race([answered, sleep(clock, timeoutMs)]);
  await socket.value.close();
  return answer ?? undefined;
}
