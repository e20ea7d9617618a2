import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { REQUEST_FILE } from '../../src/ca/rotation/store.ts';
import { eventually } from '../mesh/eventually.ts';
import { type Answer, failures, get } from '../mesh/load.ts';
import { envoyForTests } from '../serve/envoy.ts';
import { type DataPlane, type Pair, startPair } from './pair.ts';

// Certificates are replaced every five seconds and the root once, while 200 requests a second go from one proxy to the
// other, on new connections all the time, and one of the proxies stands still for a while. Nothing fails; no step is
// taken without the one that stands still.

const RATE_PER_S = 200;
/** Lifetime of a certificate: replaced at 40 to 50 percent of it. */
const LEAF_TTL_S = 11;
/** How long one proxy is paused, at least: longer than two looks of the rotation. */
const PAUSE_MS = 2500;
const TICK_MS = 25;
const MAX_WAITING = 32;

const envoy = await envoyForTests();
let pair: Pair | undefined;
afterEach(async () => {
  await pair?.stop();
  pair = undefined;
});

const cases: readonly Readonly<Record<'front' | 'back' | 'aside', DataPlane>>[] = [
  { front: 'weft', back: 'weft', aside: 'weft' },
  { front: 'envoy', back: 'envoy', aside: 'envoy' },
  { front: 'weft', back: 'envoy', aside: 'weft' },
];

describe.each(cases)('From $front to $back', (planes) => {
  it.skipIf(envoy === undefined && Object.values(planes).includes('envoy'))(
    'nothing fails while certificates and the root are replaced; no step is taken without a proxy that is paused',
    async () => {
      pair = await startPair({ planes, envoy, leafTtlS: LEAF_TTL_S });
      const { url, asideUrl, keyDir, ca } = pair;
      for (const one of [url, asideUrl])
        await eventually(async () => expect((await get(one, undefined)).status).toBe(200), 30_000);
      const before = await ca();
      const startMs = performance.now();
      const load = steadyLoad(url);

      process.kill(pair.pid('aside'), 'SIGSTOP');
      writeFileSync(join(keyDir, REQUEST_FILE), '');
      await eventually(async () => expect((await ca()).phase).toBe('distribute'), 20_000);
      const endMs = performance.now() + PAUSE_MS;
      while (performance.now() < endMs) {
        const { phase, progress, signer } = await ca();
        expect([phase, signer.fingerprint]).toEqual(['distribute', before.signer.fingerprint]);
        expect(progress.missing).toContainEqual({
          name: 'aside-1.default',
          why: 'has not acknowledged the trust bundle',
        });
        await sleep(100);
      }
      process.kill(pair.pid('aside'), 'SIGCONT');

      const after = await eventually(async () => {
        const report = await ca();
        expect([report.phase, report.signer.fingerprint !== before.signer.fingerprint]).toEqual([
          'stable',
          true,
        ]);
        return report;
      }, 60_000);
      expect(after.roots.map(({ fingerprint }) => fingerprint)).toEqual([after.signer.fingerprint]);
      expect(after.leaves).toEqual({ total: 3, ofSigner: 3 });
      const { log } = pair;
      const issued = () => log.filter((line) => line.includes('certificate_issued')).length;
      // Three at first, three below the new root, and two at half-life.
      await eventually(() => expect(issued()).toBeGreaterThanOrEqual(8), LEAF_TTL_S * 1000);
      const answers = await load.stop();
      const slowestMs = Math.max(...answers.map(({ startMs: from, endMs: to }) => to - from));
      const seconds = (performance.now() - startMs) / 1000;
      console.log(
        `${planes.front} to ${planes.back}: ${answers.length} requests (${Math.round(answers.length / seconds)}/s), ${failures(answers).length} failed, the slowest took ` +
          `${Math.round(slowestMs)} ms; ${issued()} certificates; a proxy stood still for ${PAUSE_MS} ms`,
      );
      expect(failures(answers)).toEqual([]);
      expect((await get(asideUrl, undefined)).status).toBe(200);
      expect(answers.length).toBeGreaterThan(RATE_PER_S);
    },
    120_000,
  );
});

/** So many requests a second, or as many as the machine takes: more than so many at a time never wait. */
function steadyLoad(url: string) {
  const agent = new Agent({ keepAlive: true });
  const answers: Answer[] = [];
  const startMs = performance.now();
  let sent = 0;
  let missed = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - startMs) / 1000) * RATE_PER_S - missed;
    for (; sent < due && sent - answers.length < MAX_WAITING; sent++)
      void get(url, agent).then((answer) => answers.push(answer));
    missed += Math.max(0, due - sent);
  }, TICK_MS);
  return {
    async stop() {
      clearInterval(timer);
      await eventually(() => expect(answers.length).toBe(sent), 30_000);
      agent.destroy();
      return answers;
    },
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
