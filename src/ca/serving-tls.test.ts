import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { makeTestCa, type TestCa } from '../testing/certificates.ts';
import type { TlsContext } from '../wire/connection.ts';
import { type GrpcServer, serveGrpcCalls } from '../wire/grpc/server.ts';
import { network } from '../wire/net.ts';
import { issueServingCertificate, type ServingCertificate } from './serving-certificate.ts';
import { servingTls } from './serving-tls.ts';

const names = { dnsNames: ['localhost'], ipAddresses: [] };
let server: GrpcServer | undefined;

afterEach(() => server?.close(0));

describe('TLS of a mesh server', () => {
  it('change certificate and roots for new connections, stay at TLS 1.3', async () => {
    const [before, after] = [await makeTestCa(), await makeTestCa()];
    const first = await issue(before);
    let tls = servingTls(first);
    const port = await listen(() => tls);
    expect(await dial(port, before)).toBe('TLSv1.3');
    expect(await dial(port, after)).toMatch(/UNABLE_TO|SELF_SIGNED|SIGNATURE/);
    tls = servingTls(await issue(after));
    expect(await dial(port, after)).toBe('TLSv1.3');
    expect(await dial(port, before)).toMatch(/UNABLE_TO|SELF_SIGNED|SIGNATURE/);
    expect(await dial(port, after, 'TLSv1.2')).toMatch(/ERR_SSL/);
  });

  it('resume no session, so that no connection outlives a change of roots', async () => {
    const ca = await makeTestCa();
    const tls = servingTls(await issue(ca));
    const port = await listen(() => tls);
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

async function listen(tls: () => TlsContext): Promise<number> {
  server = await serveGrpcCalls({
    network,
    clock: systemClock,
    listen: { host: '127.0.0.1', port: 0 },
    tls,
    onCall: () => false,
    maxReceiveMessageBytes: 1,
  });
  return server.port;
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
