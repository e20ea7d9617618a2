// A workload outside the mesh that shows a certificate: GET /dial?host=H&port=P&certificate=NAME says whether the other
// end answered an HTTP request over mutual TLS. Certificates lie beside the Deployment's file: NAME.pem, NAME.key.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:tls';

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const certificate = url.searchParams.get('certificate');
  if (certificate === null) {
    response.end('ready');
    return;
  }
  let answer = '';
  const socket = connect({
    host: url.searchParams.get('host') ?? '',
    port: Number(url.searchParams.get('port')),
    ALPNProtocols: ['istio', 'istio-http/1.1', 'http/1.1'],
    rejectUnauthorized: false, // the stranger does not care who answers
    cert: readFileSync(`${certificate}.pem`),
    key: readFileSync(`${certificate}.key`),
  });
  socket.setTimeout(3_000, () => socket.destroy());
  socket.on('secureConnect', () =>
    socket.write('GET /details/0 HTTP/1.1\r\nhost: details:9080\r\nconnection: close\r\n\r\n'),
  );
  socket.on('data', (chunk) => (answer += String(chunk)));
  socket.on('error', () => {});
  socket.on('close', () => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ answered: answer.split('\r\n')[0] ?? '' }));
  });
});
server.listen(Number(process.env['PORT'] ?? 9080));
process.on('SIGTERM', () => process.exit(0));
