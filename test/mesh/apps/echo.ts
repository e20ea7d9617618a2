// A server that speaks first, over plain TCP: a greeting, then everything that it hears, until the client half-closes.
import { createServer } from 'node:net';

const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.write('hello from echo\n');
  socket.pipe(socket);
});
server.listen(Number(process.env['PORT'] ?? 9000));
process.on('SIGTERM', () => process.exit(0));
