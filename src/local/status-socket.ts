import { createServer } from 'node:net';

/** Longest request, in characters. */
const MAX_REQUEST = 4_096;
const MAX_CLIENTS = 64;

/**
 * Answers questions about the run on a Unix socket: one JSON object a line, `{"get":"status"}`, each answered by one
 * line. Only the user the platform runs as (and root) can connect.
 */
export async function serveStatus(path: string, getStatus: () => unknown): Promise<{ close(): void }> {
  const server = createServer((socket) => {
    let pending = '';
    socket.setEncoding('utf8');
    socket.on('error', () => socket.destroy());
    socket.on('data', (text: string) => {
      const lines = (pending + text).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines)
        if (line.trim() !== '') socket.write(`${JSON.stringify(answer(line, getStatus))}\n`);
      if (pending.length > MAX_REQUEST) socket.destroy();
    });
  });
  server.maxConnections = MAX_CLIENTS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return { close: () => void server.close() };
}

function answer(line: string, getStatus: () => unknown): unknown {
  try {
    const { get } = JSON.parse(line) as { get?: unknown };
    if (get === 'status') return getStatus();
  } catch {
    // told below
  }
  return { error: 'ask with {"get":"status"}' };
}
