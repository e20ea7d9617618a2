import { describe, expect, it } from 'vitest';
import { manualClock } from '../lib/manual-clock.ts';
import { decodeCertificateRequest } from '../wire/identity/certificate-messages.ts';
import { keepOwnIdentity, type OwnIdentityOptions } from './own-identity.ts';

const spiffeId = 'spiffe://cluster.local/ns/default/sa/web';

function keeper(answer: OwnIdentityOptions['createCertificate']) {
  const clock = manualClock(1_000_000);
  const log: string[] = [];
  let asked = 0;
  const issued: unknown[] = [];
  const stop = keepOwnIdentity({
    spiffeId,
    ttlS: 60,
    createCertificate: (request) => {
      asked += 1;
      return answer(request);
    },
    clock,
    random: () => 0.5,
    onIssued: (identity) => issued.push(identity),
    log: (line) => log.push(line),
  });
  return { clock, log, stop, issued, asked: () => asked };
}

/** Lets what is settled be heard. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the own identity', () => {
  it('asks for a certificate of its key and lifetime', async () => {
    const requests: Uint8Array[] = [];
    const one = keeper(async (request) => {
      requests.push(request);
      throw new Error('not now');
    });
    await turn();
    one.stop();
    expect(decodeCertificateRequest(requests[0]!)).toMatchObject({ validityDurationS: 60 });
    expect(decodeCertificateRequest(requests[0]!).csr).toContain('BEGIN CERTIFICATE REQUEST');
  });

  it('tries again, less and less often, for as long as it takes, and never shows a key', async () => {
    const one = keeper(async () => {
      throw new Error('14 UNAVAILABLE: nobody there');
    });
    for (let i = 0; i < 10; i++) {
      await turn();
      one.clock.advance(60_000);
    }
    await turn();
    expect(one.asked()).toBeGreaterThanOrEqual(8);
    expect(one.log.join()).toContain('nobody there');
    expect(one.log.join()).not.toContain('PRIVATE');
    one.stop();
    const before = one.asked();
    one.clock.advance(600_000);
    await turn();
    expect(one.asked()).toBe(before);
  });

  it('does not use an answer that is not for it', async () => {
    const one = keeper(async () => Buffer.from([0x0a, 0x01, 0x41]));
    await turn();
    expect(one.issued).toEqual([]);
    expect(one.log[0]).toContain(spiffeId);
    one.stop();
  });
});
