import { createPublicKey } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { temporaryFolder } from '../../testing/openssl.ts';
import { buildCertificate } from '../certificate-builder.ts';
import { type IssuerPem, issuerFromPem, makeRootPem, makeSerialHex } from '../issuer.ts';
import { makePrivateKeyPem } from '../signing-key.ts';
import type { CensusEntry } from './census.ts';
import { openRotation, type Rotation, type RotationOptions } from './rotation.ts';
import { REQUEST_FILE } from './store.ts';

const DAY_MS = 86_400_000;
const open: Rotation[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

/** A clock that stands, so that nothing happens but what the test asks for. */
function world(keyDir: string, changes: Partial<RotationOptions> = {}) {
  const seen = { nowMs: Date.now(), log: [] as string[], changes: 0, census: [] as CensusEntry[] };
  const start = async (): Promise<Rotation> => {
    const rotation = await openRotation({
      trustDomain: 'cluster.local',
      keyDir,
      maxTtlS: 86_400,
      clock: { ...systemClock, nowMs: () => seen.nowMs, setTimeout: () => ({ cancel: () => {} }) },
      onChange: () => void (seen.changes += 1),
      log: (line) => void seen.log.push(line),
      awaitsCensus: true,
      ...changes,
    });
    rotation.countBy(() => seen.census);
    open.push(rotation);
    return rotation;
  };
  return { seen, start };
}

const proxy = (changes: Partial<CensusEntry> = {}): CensusEntry => ({
  name: 'web-1.default',
  connected: true,
  trustsPresent: true,
  leafIsPresent: true,
  ...changes,
});

function write(folder: string, pem: IssuerPem): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'ca-cert.pem'), pem.certPem);
  writeFileSync(join(folder, 'ca-key.pem'), pem.keyPem);
  writeFileSync(join(folder, 'cert-chain.pem'), pem.chainPem);
  writeFileSync(join(folder, 'root-cert.pem'), pem.rootPem);
}

describe('A CA that is replaced', () => {
  it('takes each step when everyone has taken the one before, over restarts', async () => {
    using folder = temporaryFolder();
    const { seen, start } = world(folder.path);
    let rotation = await start();
    const first = rotation.present().signer;
    writeFileSync(join(folder.path, REQUEST_FILE), '');
    seen.census = [proxy({ trustsPresent: false })];
    await rotation.look();
    expect([rotation.report().state.phase, rotation.present().signer]).toEqual(['distribute', first]);
    expect(rotation.authority().bundle.anchors).toHaveLength(2);

    for (let restarts = 0; restarts < 3; restarts++) {
      await rotation.stop();
      rotation = await start();
      await rotation.look();
      expect(rotation.report()).toMatchObject({
        state: { phase: 'distribute', signer: first },
        progress: { done: 0, of: 1, missing: [{ name: 'web-1.default' }] },
      });
    }
    seen.census = [proxy({ leafIsPresent: false })];
    await rotation.look();
    const second = rotation.present().signer;
    expect([rotation.report().state.phase, second === first]).toEqual(['reissue', false]);
    // The root of the present signer comes first: by that workloads know that a new certificate is due.
    const [lead] = rotation.authority().bundle.anchors;
    expect(lead?.certificate.fingerprint256).toBe(rotation.authority().signer.certificate.fingerprint256);
    await rotation.look();
    expect(rotation.report().state.phase).toBe('reissue');

    await rotation.stop();
    rotation = await start();
    expect([rotation.report().state.phase, rotation.present().signer]).toEqual(['reissue', second]);
    seen.census = [proxy()];
    await rotation.look();
    expect(rotation.report().state.phase).toBe('retire');
    expect(rotation.authority().bundle.anchors).toHaveLength(1);
    await rotation.look();
    expect(rotation.report().state).toMatchObject({ phase: 'stable', signer: second });
    expect(existsSync(join(folder.path, 'ca-key.pem'))).toBe(false); // the old key is gone
    await rotation.stop();
    rotation = await start();
    expect(rotation.present().signer).toBe(second);
  });

  it('waits for who sees the proxies', async () => {
    using folder = temporaryFolder();
    const { seen, start } = world(folder.path);
    const rotation = await start();
    writeFileSync(join(folder.path, REQUEST_FILE), '');
    seen.census = [proxy({ trustsPresent: false })];
    await rotation.look();
    await rotation.stop();
    seen.census = [];
    const blind = await openRotation({
      trustDomain: 'cluster.local',
      keyDir: folder.path,
      maxTtlS: 60,
      clock: { ...systemClock, setTimeout: () => ({ cancel: () => {} }) },
      onChange: () => {},
      log: () => {},
      awaitsCensus: true,
    });
    open.push(blind);
    await blind.look();
    expect(blind.report().state.phase).toBe('distribute');
  });

  it('keeps its keys where their owner alone reads them', async () => {
    using folder = temporaryFolder();
    const { start } = world(folder.path);
    const rotation = await start();
    writeFileSync(join(folder.path, REQUEST_FILE), '');
    await rotation.look();
    const files = readdirSync(folder.path, { recursive: true, withFileTypes: true });
    const keys = files.filter(({ name }) => name === 'ca-key.pem' || name === 'leaves.json');
    expect(keys.length).toBeGreaterThanOrEqual(2);
    for (const { parentPath, name } of keys) {
      expect(statSync(join(parentPath, name)).mode & 0o777, join(parentPath, name)).toBe(0o600);
    }
  });
});

describe("The user's CA", () => {
  it('is followed as its files change; a broken version changes nothing and is told', async () => {
    using folder = temporaryFolder();
    const cacertsDir = join(folder.path, 'cacerts');
    write(cacertsDir, await makeRootPem('cluster.local', Date.now()));
    const { seen, start } = world(join(folder.path, 'ca'), { cacertsDir });
    const rotation = await start();
    const first = rotation.present().signer;
    expect(rotation.report().state).toMatchObject({ phase: 'stable', origin: 'folder' });

    const next = await makeRootPem('cluster.local', Date.now());
    write(cacertsDir, { ...next, keyPem: (await makeRootPem('cluster.local', Date.now())).keyPem });
    await rotation.look();
    expect(rotation.report()).toMatchObject({ state: { phase: 'stable', signer: first } });
    expect(rotation.report().problems.join()).toContain('ca-key.pem is not the key of ca-cert.pem');

    seen.census = [proxy({ trustsPresent: false })];
    write(cacertsDir, next);
    await rotation.look();
    expect(rotation.report()).toMatchObject({ state: { phase: 'distribute', signer: first }, problems: [] });
    seen.census = [];
    for (let i = 0; i < 3; i++) await rotation.look();
    expect(rotation.report().state.phase).toBe('stable');
    expect(rotation.present().signer).not.toBe(first);
  });

  it('may come as the Secret cacerts, also in place of a root of ours', async () => {
    using folder = temporaryFolder();
    const secret = await makeRootPem('cluster.local', Date.now());
    const fresh = await world(join(folder.path, 'a'), { secret }).start();
    expect(fresh.report().state).toMatchObject({ phase: 'stable', origin: 'secret' });

    const { seen, start } = world(join(folder.path, 'b'));
    const rotation = await start();
    seen.census = [proxy({ trustsPresent: false })];
    rotation.offerSecret(secret);
    await rotation.look();
    expect(rotation.report().state).toMatchObject({ phase: 'distribute', nextOrigin: 'secret' });
    expect(rotation.report().state.next).toBe(fresh.present().signer);
  });

  it('is not rotated by request: weft cannot sign for a root that it does not have', async () => {
    using folder = temporaryFolder();
    const secret = await makeRootPem('cluster.local', Date.now());
    const rotation = await world(folder.path, { secret }).start();
    writeFileSync(join(folder.path, REQUEST_FILE), '');
    await rotation.look();
    expect(rotation.report().state.phase).toBe('stable');
    expect(rotation.report().problems.join()).toContain('replace its files');
  });

  it('may be an intermediate that another replaces below the same root: trust stays as it is', async () => {
    using folder = temporaryFolder();
    const root = await makeRootPem('cluster.local', Date.now());
    const cacertsDir = join(folder.path, 'cacerts');
    write(cacertsDir, await intermediateBelow(root));
    const { seen, start } = world(join(folder.path, 'ca'), { cacertsDir });
    const rotation = await start();
    const { signer, bundle } = rotation.present();
    write(cacertsDir, await intermediateBelow(root));
    seen.census = [proxy({ leafIsPresent: false })];
    await rotation.look();
    await rotation.look();
    expect(rotation.report().state.phase).toBe('reissue');
    expect([rotation.present().signer === signer, rotation.present().bundle]).toEqual([false, bundle]);
  });
});

async function intermediateBelow(root: IssuerPem): Promise<IssuerPem> {
  const keyPem = makePrivateKeyPem();
  const plan = {
    subject: 'CN=an intermediate',
    publicKeyDer: createPublicKey(keyPem).export({ type: 'spki', format: 'der' }),
    serialHex: makeSerialHex(),
    notBeforeMs: Date.now() - 60_000,
    notAfterMs: Date.now() + DAY_MS,
    isCa: true,
    keyUsage: ['keyCertSign'] as const,
    extendedKeyUsage: [],
  };
  const certPem = (await buildCertificate(plan, issuerFromPem(root, 'root', Date.now()))).toString();
  return { certPem, keyPem, chainPem: certPem, rootPem: root.rootPem };
}

describe('The end of a CA', () => {
  it('is told at 50, 75 and 90 percent of its life, once each', async () => {
    using folder = temporaryFolder();
    const { seen, start } = world(folder.path);
    const rotation = await start();
    expect(rotation.report().warnings).toEqual([]);
    for (const share of [0.51, 0.52, 0.76, 0.91]) {
      seen.nowMs = Date.now() + share * 3650 * DAY_MS;
      await rotation.look();
    }
    const warnings = seen.log.filter((line) => line.startsWith('ca: warning: the signing CA has used'));
    expect(warnings.map((line) => /used (\d+) %/.exec(line)?.[1])).toEqual(['50', '75', '90']);
    expect(rotation.report().warnings[0]).toContain(
      'the signing CA has used 90 % of its life; it ends at 20',
    );
  });
});
