// The program of the small examples: it says who it is, and what it was asked. `?get=URL` makes it ask somebody else and
// pass the answer on, so that the way from one workload to another can be tried from outside.
import { createServer, get } from 'node:http';

const name = process.env['NAME'] ?? 'app';
const version = process.env['VERSION'] ?? 'v1';

const server = createServer((request, response) => {
  const send = (status: number, text: string): void => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(text);
  };
  request.resume();
  const url = new URL(request.url ?? '/', 'http://localhost');
  const target = url.searchParams.get('get');
  if (target === null) {
    const headers = Object.entries(request.headers).map(([key, value]) => `${key}: ${String(value)}\n`);
    send(200, `${name} ${version} got ${request.method} ${request.url}\n${headers.sort().join('')}`);
    return;
  }
  const question = get(target, { timeout: 5_000, agent: false }, (answer) => {
    let text = '';
    answer.setEncoding('utf8');
    answer.on('data', (part: string) => (text += part));
    answer.on('end', () => send(answer.statusCode ?? 502, text));
    answer.on('error', (error) => send(502, `${error.message}\n`));
  });
  question.on('timeout', () => question.destroy(new Error('no answer within 5 s')));
  question.on('error', (error) => send(502, `${target}: ${error.message}\n`));
});
server.listen(Number(process.env['PORT'] ?? 8080));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
