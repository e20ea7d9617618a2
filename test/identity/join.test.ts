import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { openChannel } from '../../src/agent/control-channel.ts';
import { encodeCertificateRequest } from '../../src/wire/identity/certificate-messages.ts';
import { makeKeyAndRequest } from '../../src/wire/identity/csr.ts';
import { eventually } from '../mesh/eventually.ts';
import { get } from '../mesh/load.ts';
import { envoyForTests } from '../serve/envoy.ts';
import { type Pair, startPair } from './pair.ts';

const envoy = await envoyForTests();
let pair: Pair | undefined;
afterEach(async () => {
  await pair?.stop();
  pair = undefined;
});

it.skipIf(envoy === undefined)(
  'a machine joins with a one-time token and renews with its certificate; the token is worth nothing any more',
  async () => {
    pair = await startPair({
      planes: { front: 'envoy', back: 'weft', aside: 'weft' },
      joins: ['front'],
      envoy,
      leafTtlS: 8,
    });
    const { url, folder, log, control } = pair;
    await eventually(async () => expect((await get(url, undefined)).status).toBe(200), 30_000);
    const issued = () =>
      log
        .filter((line) => line.includes('certificate_issued') && line.includes('/sa/front"'))
        .map((line) => JSON.parse(line) as { by: string; pod?: string });
    expect(issued()[0]).toMatchObject({ by: 'join-token', pod: 'front-1' });

    // Whoever copied the token is late, whatever it asks for.
    const tokenFile = join(folder, 'front', 'token');
    const token = readFileSync(tokenFile, 'utf8');
    const thief = { caRoot: join(folder, 'roots.pem'), tokenFile, serverName: 'istiod.istio-system.svc' };
    const channel = openChannel(`127.0.0.1:${control.securePort}`, thief);
    const { csrPem } = makeKeyAndRequest('spiffe://cluster.local/ns/default/sa/front');
    const request = encodeCertificateRequest({ csr: csrPem, validityDurationS: 60 });
    await expect(channel.createCertificate(request, 5000)).rejects.toThrow('the join token is refused');
    channel.close();

    rmSync(tokenFile);
    await eventually(() => expect(issued().length).toBeGreaterThanOrEqual(2), 20_000);
    expect(
      issued()
        .slice(1)
        .every(({ by }) => by === 'certificate'),
    ).toBe(true);
    expect((await get(url, undefined)).status).toBe(200);
    // It survives a restart of the agent by what is on its disk, for its user alone.
    expect(statSync(join(folder, 'front', 'cache', 'front-1.default.identity')).mode & 0o777).toBe(0o600);
    expect(log.join('\n')).not.toContain(token.split('.')[2]);
    expect(log.join('\n')).not.toContain('PRIVATE KEY');
  },
  60_000,
);
