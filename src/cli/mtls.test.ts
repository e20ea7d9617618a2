import { describe, expect, it } from 'vitest';
import type { MtlsPlan } from '../server/contract.ts';
import { recordedIo } from '../testing/traffic/recorded-io.ts';
import { planText, runMtlsPlan } from './mtls.ts';

const caller = {
  namespace: 'default',
  workload: 'legacy',
  address: '10.244.0.9',
  unit: 'requests',
  count: 12,
  firstSeenMs: 0,
  lastSeenMs: 3_600_000 - 30_000,
  breaks: true,
  note: 'has no proxy',
} as const;
const plan: MtlsPlan = {
  nowMs: 3_600_000,
  namespace: 'default',
  lookBackMs: 86_400_000,
  atLeastMs: 600_000,
  verdict: 'breaks',
  workloads: [
    {
      workload: 'web',
      verdict: 'breaks',
      noProxy: false,
      reasons: ['STRICT would refuse default/legacy at port 80'],
      observedSinceMs: 0,
      ports: [
        {
          port: 80,
          mode: 'permissive',
          verdict: 'breaks',
          mutual: 7,
          plaintext: 12,
          lastMutualMs: 3_590_000,
          callers: [caller],
        },
      ],
    },
    { workload: 'legacy', verdict: 'unknown', noProxy: true, reasons: ['it has no proxy'], ports: [] },
  ],
  apply: [],
};

describe('weft mtls plan', () => {
  it('names who would be refused, where, how often and when last', () => {
    expect(
      planText(plan, ''),
    ).toBe(`namespace default cannot be made STRICT as a whole: see who would be refused

web: breaks, observed for 60m
  PORT  MODE        MUTUAL TLS  LAST     PLAIN TEXT
  80    PERMISSIVE  7           10s ago  12          breaks
  WITHOUT TLS                  PORT  SEEN         LAST
  default/legacy (10.244.0.9)  80    12 requests  30s ago  would be refused: has no proxy
  STRICT would refuse default/legacy at port 80

legacy: no proxy, no PeerAuthentication applies to it
`);
    expect(planText({ ...plan, apply: [{}] }, 'kind: PeerAuthentication\n')).toContain(
      '\nApply:\n\nkind: PeerAuthentication\n',
    );
  });

  it('is used with a namespace, or one workload', async () => {
    const flags = { api: 'http://127.0.0.1:1', output: 'text', since: 1, atLeast: 1 } as const;
    const io = recordedIo('/');
    expect(await runMtlsPlan('a/b/c', flags, io)).toBe(2);
    expect(await runMtlsPlan('/b', flags, io)).toBe(2);
    expect(await runMtlsPlan('default', flags, io)).toBe(1);
    expect(io.written.err).toContain('no control plane answers');
  });
});
