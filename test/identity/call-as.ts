/** A client with a certificate of the test's own making, straight at a proxy's port of mutual TLS. */
import { request } from 'node:https';

/** What it shows; PEM. */
export interface Shown {
  /** Leaf and intermediates. */
  readonly chainPem: string;
  readonly keyPem: string;
}

const TIMEOUT_MS = 10_000;

/** The status of the answer, or `refused` where the proxy ends the handshake or the connection. */
export function callAs(port: number, shown: Shown | undefined): Promise<number | 'refused'> {
  return new Promise((resolve, reject) => {
    const identity = shown === undefined ? {} : { cert: shown.chainPem, key: shown.keyPem };
    const call = request({
      ...identity,
      host: '127.0.0.1',
      port,
      servername: 'back.mesh',
      headers: { host: 'back.mesh' },
      rejectUnauthorized: false,
      agent: false,
      timeout: TIMEOUT_MS,
    });
    call.on('response', (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    call.on('timeout', () => reject(new Error(`neither answer nor refusal within ${TIMEOUT_MS} ms`)));
    call.on('error', (error: NodeJS.ErrnoException) => {
      // An alert of TLS, or the end of the connection where an answer was due. Nobody there is another matter.
      if (error.code === 'ECONNREFUSED') reject(error);
      else resolve('refused');
    });
    call.end();
  });
}
