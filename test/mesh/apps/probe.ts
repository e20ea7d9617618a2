// A workload that does what a test asks: GET /fetch?url=U answers what U answered, or why it did not;
// GET /whoami answers with the name of the Pod.
import { createServer, get } from 'node:http';

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const target = url.searchParams.get('url');
  const send = (status: number, value: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  if (url.pathname !== '/fetch' || target === null) {
    send(200, { pod: process.env['POD_NAME'] ?? '' });
    return;
  }
  const outgoing = get(target, { timeout: 5_000, agent: false }, (incoming) => {
    let body = '';
    incoming.on('data', (chunk) => (body += chunk));
    incoming.on('end', () => send(200, { status: incoming.statusCode, body }));
    incoming.on('error', (error) => send(200, { status: 0, error: error.message }));
  });
  outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 5 s')));
  outgoing.on('error', (error) => send(200, { status: 0, error: error.message }));
});
server.listen(Number(process.env['PORT'] ?? 9080));
process.on('SIGTERM', () => process.exit(0));
