import { connect } from 'node:tls';
import { Server } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { makeTestCa, type TestCa } from '../testing/certificates.ts';
import { MeshServerCredentials } from './server-credentials.ts';
import { issueServingCertificate, type ServingCertificate } from './serving-certificate.ts';

const names = { dnsNames: ['localhost'], ipAddresses: [] };
let server: Server | undefined;

afterEach(() => server?.forceShutdown());

describe('the credentials of a mesh server', () => {
  it('change certificate and roots for new connections, stay at TLS 1.3', async () => {
    const [before, after] = [await makeTestCa(), await makeTestCa()];
    const first = await issue(before);
    const credentials = new MeshServerCredentials(first);
    const port = await listen(credentials);
    expect(await dial(port, before)).toBe('TLSv1.3');
    expect(await dial(port, after)).toMatch(/UNABLE_TO|SELF_SIGNED|SIGNATURE/);
    credentials.renew(await issue(after));
    expect(await dial(port, after)).toBe('TLSv1.3');
    expect(await dial(port, before)).toMatch(/UNABLE_TO|SELF_SIGNED|SIGNATURE/);
    expect(await dial(port, after, 'TLSv1.2')).toMatch(/ERR_SSL/);
  });

  it('resume no session, so that no connection outlives a change of roots', async () => {
    const ca = await makeTestCa();
    const port = await listen(new MeshServerCredentials(await issue(ca)));
    const first = await session(port, ca);
    expect(first.session).toBeDefined();
    expect((await session(port, ca, first.session)).reused).toBe(false);
  });
});

/** Connects, offering `resume`, until the server's first frame, which comes after any session ticket. */
function session(
  port: number,
  ca: TestCa,
  resume?: Buffer,
): Promise<{ reused: boolean; session: Buffer | undefined }> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: ca.rootsPem,
      ALPNProtocols: ['h2'],
    };
    const socket = connect({ ...options, ...(resume && { session: resume }) });
    let session: Buffer | undefined;
    socket.on('session', (ticket) => {
      session = ticket;
    });
    socket.once('data', () => {
      resolve({ reused: socket.isSessionReused(), session });
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

function issue(ca: TestCa): Promise<ServingCertificate> {
  return issueServingCertificate(ca.authority, names, 3600, ca.nowMs);
}

function listen(credentials: MeshServerCredentials): Promise<number> {
  const started = new Server();
  server = started;
  return new Promise((resolve, reject) => {
    started.bindAsync('127.0.0.1:0', credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

/** The agreed version, or the code of the error. */
function dial(port: number, ca: TestCa, maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3'): Promise<string> {
  return new Promise((resolve) => {
    const options = {
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: ca.rootsPem,
      ALPNProtocols: ['h2'],
    };
    const socket = connect({ ...options, maxVersion }, () => {
      resolve(socket.getProtocol() ?? '');
      socket.destroy();
    });
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : String(error)));
  });
}
