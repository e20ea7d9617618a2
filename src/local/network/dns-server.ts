import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { answerDns } from './dns-answer.ts';

export interface DnsServer {
  /** Replaces all names ({@link ANY_NAME} among them): lower case, fully qualified, without the last dot -> IPv4 addresses. */
  setNames(names: ReadonlyMap<string, readonly string[]>): void;
  close(): void;
}

/** Answers DNS over UDP at each address. One socket for each, so that answers come from the address that was asked. */
export async function serveDns(addresses: readonly string[], port: number): Promise<DnsServer> {
  let names: ReadonlyMap<string, readonly string[]> = new Map();
  let turn = 0;
  const sockets = await Promise.all(
    addresses.map((address) =>
      listen(address, port, (name) => {
        const found = names.get(name) ?? (isOutside(name) ? names.get(ANY_NAME) : undefined);
        // The first of several is another one each time, as CoreDNS does: clients mostly take the first.
        return found === undefined || found.length < 2 ? found : rotated(found, turn++);
      }),
    ),
  );
  return {
    setNames(next) {
      names = next;
    },
    close() {
      for (const socket of sockets) socket.close();
    },
  };
}

/** Stands for every name outside of the cluster that nobody has. */
export const ANY_NAME = '*';

function rotated(addresses: readonly string[], turn: number): readonly string[] {
  const at = turn % addresses.length;
  return [...addresses.slice(at), ...addresses.slice(0, at)];
}

function isOutside(name: string): boolean {
  return !name.endsWith('.cluster.local');
}

async function listen(
  address: string,
  port: number,
  lookup: (name: string) => readonly string[] | undefined,
): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const answer = answerDns(query, lookup);
    if (answer !== undefined) socket.send(answer, from.port, from.address, () => {});
  });
  socket.bind(port, address);
  await once(socket, 'listening');
  socket.on('error', () => {}); // an answer that cannot be sent; the client asks again
  return socket;
}
