import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { answerRequest, makeTestCa, type TestCa } from '../../testing/certificates.ts';
import { decodeCertificateRequest, encodeCertificateResponse } from './certificate-messages.ts';
import { type KeepLeafOptions, keepLeaf, type Leaf } from './keep-leaf.ts';
import { decodeLeafInUse } from './leaf-in-use.ts';

const spiffeId = 'spiffe://cluster.local/ns/default/sa/web';

function keeper(answer: KeepLeafOptions['createCertificate'], changes: Partial<KeepLeafOptions> = {}) {
  const clock = manualClock(Date.now());
  const log: string[] = [];
  const told: string[] = [];
  let asked = 0;
  const issued: Leaf[] = [];
  const kept = keepLeaf({
    spiffeId,
    ttlS: 60,
    createCertificate: (request) => {
      asked += 1;
      return answer(request);
    },
    leafInUse: async (request) => {
      told.push(decodeLeafInUse(request));
      return 'told';
    },
    clock,
    random: () => 0.5,
    onLeaf: (leaf) => issued.push(leaf),
    log: (_level, line) => log.push(line),
    ...changes,
  });
  return { clock, log, kept, stop: () => kept.stop(), issued, told, asked: () => asked };
}

/** What a CA answers. */
const signedBy =
  (ca: () => TestCa) =>
  async (request: Uint8Array): Promise<Uint8Array> => {
    const { csr } = decodeCertificateRequest(request);
    return encodeCertificateResponse({ certChain: await answerRequest(ca(), csr, 6000) });
  };

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 4000 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(holds()).toBe(true);
}

/** Lets what is settled be heard. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('A kept certificate', () => {
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

  it('is replaced, with a new key, once the mesh signs with another root', async () => {
    const [before, after] = [await makeTestCa(), await makeTestCa()];
    let ca = before;
    const one = keeper(signedBy(() => ca));
    await until(() => one.issued.length === 1);
    one.kept.rootsChanged(before.rootsPem + after.rootsPem);
    one.clock.advance(10_000);
    expect(one.asked()).toBe(1);
    ca = after;
    one.kept.rootsChanged(after.rootsPem + before.rootsPem);
    one.clock.advance(6000);
    await until(() => one.issued.length === 2);
    const keys = one.issued.map(
      ({ privateKeyPem }) => createPrivateKey(privateKeyPem).export({ format: 'jwk' }).d,
    );
    expect(keys[0]).not.toBe(keys[1]);
    one.kept.rootsChanged(after.rootsPem);
    one.clock.advance(10_000);
    expect(one.asked()).toBe(2);
    one.stop();
  });

  it('does not ask for ever where the CA goes on with the older root', async () => {
    const [before, after] = [await makeTestCa(), await makeTestCa()];
    const one = keeper(signedBy(() => before));
    await until(() => one.issued.length === 1);
    one.kept.rootsChanged(after.rootsPem);
    for (let i = 2; i <= 4; i++) {
      one.clock.advance(120_000);
      await until(() => one.issued.length === i);
    }
    one.clock.advance(120_000); // half-life is far
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(one.asked()).toBe(4);
    one.stop();
  });

  it('is told of when it is in use, once, and again where the CA was away', async () => {
    const ca = await makeTestCa();
    let failures = 2;
    const told: string[] = [];
    const one = keeper(
      signedBy(() => ca),
      {
        leafInUse: async (request) => {
          if (failures-- > 0) throw new Error('away');
          told.push(decodeLeafInUse(request));
          return 'told';
        },
      },
    );
    await until(() => one.issued.length === 1);
    expect(told).toEqual([]);
    one.kept.inUse();
    one.kept.inUse();
    for (let i = 0; i < 3; i++) {
      await turn();
      one.clock.advance(2000);
    }
    await until(() => told.length === 1);
    const [leaf] = one.issued;
    expect(told).toEqual([new X509Certificate(leaf!.chainPem).serialNumber.toLowerCase()]);
    one.stop();
  });
});
