/** An upstream that answers each request with its head, byte for byte. It reads no bodies: tests send none. */
import { createServer, type Server, type Socket } from 'node:net';

export class SawUpstream {
  readonly port: number;
  readonly #server: Server;
  readonly #open: Set<Socket>;

  private constructor(server: Server, port: number, open: Set<Socket>) {
    this.#server = server;
    this.port = port;
    this.#open = open;
  }

  static async listen(): Promise<SawUpstream> {
    const open = new Set<Socket>();
    const server = createServer((socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket)).on('error', () => socket.destroy());
      let text = '';
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
          const head = text.slice(0, end);
          text = text.slice(end + 4);
          const body = head.startsWith('HEAD ') ? '' : head;
          const seen = Buffer.from(head, 'latin1').toString('base64');
          socket.write(
            `HTTP/1.1 200 OK\r\nx-saw: ${seen}\r\ncontent-length: ${head.length}\r\n\r\n${body}`,
            'latin1',
          );
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new SawUpstream(server, (server.address() as { port: number }).port, open);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }
}
