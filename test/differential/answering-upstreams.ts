/** Upstreams that answer as the request itself asks (`x-answer`, see answers()), and remember every request's bytes. */
import { createServer, type Server, type Socket } from 'node:net';

/** Whether a message is there to its end: by length, chunks, or because it has no body. */
export function isWhole(text: string, noBody = false): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const top = text.slice(0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(top)?.[1];
  if (noBody) return true;
  if (/\r\ntransfer-encoding: *chunked/i.test(top)) return text.endsWith('0\r\n\r\n');
  if (length !== undefined) return text.length - end - 4 >= Number(length);
  return !top.startsWith('HTTP/') || / (204|304) |^HTTP\/1.1 1/.test(top);
}

export interface AnsweringUpstreams {
  readonly ports: { readonly a: number; readonly b: number };
  /** Requests since the last call, prefixed with who took them. */
  take(): string[];
  close(): void;
}

export async function startAnsweringUpstreams(): Promise<AnsweringUpstreams> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const tries = new Map<string, number>();
  const servers: Server[] = [];
  const open = async (name: string): Promise<number> => {
    const server = createServer((socket) => {
      sockets.add(socket);
      let text = '';
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        if (!isWhole(text)) return;
        const request = text;
        text = '';
        seen.push(`${name} ${request}`);
        reply(socket, request, tries);
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  };
  const ports = { a: await open('a'), b: await open('b') };
  return {
    ports,
    take() {
      tries.clear();
      return seen.splice(0);
    },
    close() {
      for (const socket of sockets) socket.destroy();
      for (const server of servers) server.close();
    },
  };
}

function reply(socket: Socket, request: string, tries: Map<string, number>): void {
  const asked = /\r\nx-answer: *(.*)\r\n/i.exec(request)?.[1]?.split(' ');
  const number = tries.get('all') ?? 0;
  tries.set('all', number + 1);
  const encoded = asked?.[Math.min(number, asked.length - 1)];
  const text = encoded === undefined ? '200 OK' : Buffer.from(encoded, 'base64').toString('latin1');
  if (text === 'close') socket.destroy();
  else if (text === 'silence') return;
  // Every try has a connection of its own: what a proxy does when an idle one is closed under a request is not compared.
  else if (/\r\n\r\n/.test(text)) socket.write(text.replace('\r\n', '\r\nconnection: close\r\n'), 'latin1');
  else socket.write(`HTTP/1.1 ${text}\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok`, 'latin1');
}
