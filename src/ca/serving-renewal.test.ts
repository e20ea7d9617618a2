import { X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { connect, createServer as createTlsServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../lib/clock.ts';
import { makeTestCa } from '../testing/certificates.ts';
import { CONTROL_PLANE_NAMES, type ServingCertificate } from './serving-certificate.ts';
import { startServingRenewal } from './serving-renewal.ts';
import type { CertificateAuthority } from './trust-bundle.ts';

const HOUR_MS = 3_600_000;

describe('renewal of a serving certificate', () => {
  it('comes at half of its life, again and again, until it is stopped', async () => {
    const ca = await makeTestCa('cluster.local');
    const { clock, waits, turn } = handClock(ca.nowMs);
    const { options, next } = collect(() => ca.authority, clock);
    const renewal = await startServingRenewal(options);
    expect(waits).toEqual([12 * HOUR_MS]);
    for (let round = 0; round < 3; round++) {
      const renewed = next();
      turn();
      const serving = await renewed;
      expect(serving.notAfterMs).toBe(clock.nowMs() + 24 * HOUR_MS);
      expect(serving.keyPem).not.toBe(renewal.first.keyPem);
    }
    renewal.stop();
    expect(waits).toEqual([]);
  });

  it('is tried again after a failure, which is told', async () => {
    const ca = await makeTestCa('cluster.local');
    const { clock, waits, turn } = handClock(ca.nowMs);
    let broken = false;
    const authority = () => {
      if (broken) throw new Error('no signer');
      return ca.authority;
    };
    const { options, next, nextError } = collect(authority, clock);
    const renewal = await startServingRenewal(options);
    broken = true;
    const told = nextError();
    turn();
    expect(await told).toMatchObject({ message: 'no signer' });
    await renewal.renewNow();
    expect(waits).toEqual([500]);
    broken = false;
    const renewed = next();
    turn();
    await renewed;
    expect(waits).toEqual([12 * HOUR_MS]);
    renewal.stop();
  });

  it('gives a certificate for names that node:tls accepts, and others it does not', async () => {
    const ca = await makeTestCa('cluster.local', { intermediate: true });
    const { options } = collect(() => ca.authority, handClock(ca.nowMs).clock);
    const { first, stop } = await startServingRenewal(options);
    stop();
    expect(new X509Certificate(first.chainPem).checkIP('::1')).toBe('::1');
    const server = createTlsServer({ key: first.keyPem, cert: first.chainPem });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const dial = (servername: string) =>
      new Promise<string>((resolve) => {
        const socket = connect({ host: '127.0.0.1', port, servername, ca: ca.rootsPem }, () => {
          resolve('accepted');
          socket.destroy();
        });
        socket.on('error', (error) => resolve('code' in error ? String(error.code) : 'error'));
      });
    expect(await dial('istiod.istio-system.svc')).toBe('accepted');
    expect(await dial('reviews.default.svc')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    server.close();
  });
});

/** A clock that stands until `turn` jumps to the pending call; `waits` are the delays pending. */
function handClock(startMs: number): { clock: Clock; waits: number[]; turn: () => void } {
  let nowMs = startMs;
  let pending: (() => void) | undefined;
  const waits: number[] = [];
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    setTimeout(callback, delayMs) {
      pending = callback;
      waits.splice(0, waits.length, Math.round(delayMs));
      return { cancel: () => waits.splice(0) };
    },
  };
  const turn = () => {
    nowMs += waits.splice(0)[0] ?? 0;
    pending?.();
  };
  return { clock, waits, turn };
}

function collect(authority: () => CertificateAuthority, clock: Clock) {
  let onRenewed: (serving: ServingCertificate) => void = () => {};
  let onError: (error: unknown) => void = () => {};
  return {
    options: {
      authority,
      names: CONTROL_PLANE_NAMES,
      ttlS: 24 * 3600,
      clock,
      random: () => 0,
      onRenewed: (serving: ServingCertificate) => onRenewed(serving),
      onError: (error: unknown) => onError(error),
    },
    next: () =>
      new Promise<ServingCertificate>((resolve) => {
        onRenewed = resolve;
      }),
    nextError: () =>
      new Promise<unknown>((resolve) => {
        onError = resolve;
      }),
  };
}
