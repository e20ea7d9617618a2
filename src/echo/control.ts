import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { makeCall } from './call.ts';
import type { EchoQuestion } from './order.ts';
import type { EchoServers } from './serve.ts';

/** Takes questions on a Unix socket; answers come in the order of the questions of a connection. */
export function serveControl(path: string, servers: EchoServers): Promise<Server> {
  const server = createServer((socket) => takeQuestions(socket, servers));
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(path, () => resolve(server));
  });
}

function takeQuestions(socket: Socket, servers: EchoServers): void {
  socket.on('error', () => socket.destroy());
  let last: Promise<unknown> = Promise.resolve();
  createInterface({ input: socket }).on('line', (line) => {
    const question = JSON.parse(line) as EchoQuestion;
    const answer = async () =>
      question.ask === 'call' ? await makeCall(question.call) : servers.seen(question.id);
    last = last.then(answer).then((value) => void socket.write(`${JSON.stringify(value)}\n`));
  });
}
