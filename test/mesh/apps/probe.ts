// A workload that does what a test asks: GET /fetch?url=U answers what U answered, or why it did not; with &post=TEXT it
// posts the text in two pieces, with &host=H it says another host;
// GET /tcp?host=H&port=P&send=TEXT what a TCP server said to TEXT; any other path the name of the Pod.
import { request as call, createServer } from 'node:http';
import { connect } from 'node:net';

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const target = url.searchParams.get('url');
  const send = (status: number, value: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  if (url.pathname === '/tcp') {
    const { host = '', port, send: text = '' } = Object.fromEntries(url.searchParams);
    let said = '';
    const socket = connect({ host, port: Number(port) }, () => socket.end(text));
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on('data', (chunk) => (said += String(chunk)));
    socket.on('error', () => {});
    socket.on('close', () => send(200, { said }));
    return;
  }
  if (url.pathname !== '/fetch' || target === null) {
    send(200, { pod: process.env['POD_NAME'] ?? '' });
    return;
  }
  const { post, host } = Object.fromEntries(url.searchParams);
  const method = post === undefined ? 'GET' : 'POST';
  const headers = host === undefined ? {} : { host };
  const outgoing = call(target, { method, headers, timeout: 8_000, agent: false }, (incoming) => {
    let body = '';
    incoming.on('data', (chunk) => (body += chunk));
    incoming.on('end', () => send(200, { status: incoming.statusCode, body }));
    incoming.on('error', (error) => send(200, { status: 0, error: error.message }));
  });
  outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 8 s')));
  outgoing.on('error', (error) => send(200, { status: 0, error: error.message }));
  if (post === undefined) outgoing.end();
  else {
    outgoing.write(post.slice(0, 1));
    setTimeout(() => outgoing.end(post.slice(1)), 50);
  }
});
server.listen(Number(process.env['PORT'] ?? 9080));
process.on('SIGTERM', () => process.exit(0));
