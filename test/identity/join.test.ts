import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { openChannel } from '../../src/agent/control-channel.ts';
import { encodeCertificateRequest } from '../../src/wire/identity/certificate-messages.ts';
import { makeKeyAndRequest } from '../../src/wire/identity/csr.ts';
import { eventually } from '../mesh/eventually.ts';
import { get } from '../mesh/load.ts';
import { envoyForTests } from '../serve/envoy.ts';
import { type DataPlane, type Pair, startPair } from './pair.ts';

const envoy = await envoyForTests();
let pair: Pair | undefined;
afterEach(async () => {
  await pair?.stop();
  pair = undefined;
});

/** Where each keeps what it cannot get a second time. */
const keptIn: Readonly<Record<DataPlane, string>> = {
  envoy: 'cache/front-1.default.identity',
  weft: 'cache/last-good.json',
};

it.for(['weft', 'envoy'] as const)(
  'a machine (%s) joins with a one-time token and renews with its certificate; the token is worth nothing any more',
  { timeout: 180_000 },
  async (plane, test) => {
    if (plane === 'envoy' && envoy === undefined) return test.skip('there is no Envoy');
    const planes = { front: plane, back: 'weft', aside: 'weft' } as const;
    pair = await startPair({ planes, joins: ['front'], envoy, leafTtlS: 20, workers: 2 });
    const { url, folder, log, control } = pair;
    const tokenFile = join(folder, 'front', 'token');
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
    const token = readFileSync(tokenFile, 'utf8').trim();
    const secret = token.split('.')[2] ?? '';
    expect(secret).not.toBe('');
    await eventually(async () => expect((await get(url, undefined)).status).toBe(200), 60_000);
    const issued = () =>
      log
        .filter((line) => line.includes('certificate_issued') && line.includes('/sa/front"'))
        .map((line) => JSON.parse(line) as { by: string; pod?: string });
    expect(issued()[0]).toMatchObject({ by: 'join-token', pod: 'front-1' });
    expect(processesWith(secret, pair.pid('front'))).toEqual([]);

    // Whoever copied the token is late, whatever it asks for.
    const thief = { caRoot: join(folder, 'roots.pem'), tokenFile, serverName: 'istiod.istio-system.svc' };
    const channel = openChannel(`127.0.0.1:${control.securePort}`, thief);
    const { csrPem } = makeKeyAndRequest('spiffe://cluster.local/ns/default/sa/front');
    const request = encodeCertificateRequest({ csr: csrPem, validityDurationS: 60 });
    await expect(channel.createCertificate(request, 5000)).rejects.toThrow('the join token is refused');
    channel.close();

    rmSync(tokenFile);
    await eventually(() => expect(issued().length).toBeGreaterThanOrEqual(2), 40_000);
    expect(
      new Set(
        issued()
          .slice(1)
          .map(({ by }) => by),
      ),
    ).toEqual(new Set(['certificate']));
    expect((await get(url, undefined)).status).toBe(200);
    // It survives a restart by what is on its disk, for its user alone.
    const kept = join(folder, 'front', keptIn[plane]);
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    if (plane === 'weft') {
      const before = issued().length;
      await pair.restart('front');
      await eventually(async () => expect((await get(url, undefined)).status).toBe(200), 30_000);
      await eventually(() => expect(issued().length).toBeGreaterThan(before), 20_000);
    }
    expect(issued().filter(({ by }) => by === 'join-token')).toHaveLength(1);
    for (const text of [log.join('\n'), pair.output()]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain('PRIVATE KEY');
    }
    expect(filesWith('PRIVATE KEY', folder).filter((file) => (statSync(file).mode & 0o077) !== 0)).toEqual(
      [],
    );
  },
);

/** A process and its children whose command line or environment holds a text. */
function processesWith(text: string, pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  const own = ['cmdline', 'environ'].some((name) =>
    readFileSync(`/proc/${pid}/${name}`, 'utf8').includes(text),
  );
  return [...(own ? [pid] : []), ...children.flatMap((child) => processesWith(text, Number(child)))];
}

function filesWith(text: string, folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file, 'utf8').includes(text));
}
