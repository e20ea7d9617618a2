import { describe, expect, it } from 'vitest';
import type { PeerModes } from '../../mesh/policy.ts';
import { planWorkload } from './mtls-plan.ts';
import type { ProxyCounts } from './proxy-counts.ts';
import { strictPolicies } from './strict-policies.ts';
import { MAX_CALLERS_PER_WORKLOAD, type Peer, TrafficLedger } from './traffic-ledger.ts';

const MINUTE = 60_000;
const START = 1_000_000_000;
const permissive: PeerModes = {
  mode: 'permissive',
  ports: new Map(),
  origins: [],
  decidedBy: undefined,
  own: undefined,
};
const peers: Readonly<Record<string, Peer>> = {
  '10.0.0.2': { address: '10.0.0.2', namespace: 'default', workload: 'legacy', hasProxy: false },
  '10.0.0.3': { address: '10.0.0.3', namespace: 'default', workload: 'around', hasProxy: true },
};
const whoIs = (address: string): Peer =>
  peers[address] ?? { address, namespace: '', workload: '', hasProxy: false };

/** What one reading of the only Pod of `web` says: requests at port 80 in all, and by callers without TLS. */
function counts(
  uptimeMs: number,
  total: number,
  callers: Readonly<Record<string, number>> = {},
  more = {},
): ProxyCounts {
  return {
    uptimeMs,
    callers: Object.entries(callers).map(([peer, count]) => ({ unit: 'requests', port: 80, peer, count })),
    ports: [{ unit: 'requests', port: 80, count: total, openPlain: 0, ...more }],
    isFull: false,
  };
}

function read(...readings: readonly (readonly [atMs: number, counts: ProxyCounts])[]): TrafficLedger {
  const ledger = new TrafficLedger();
  const pod = { namespace: 'default', name: 'web-1', workload: 'web' };
  for (const [atMs, one] of readings) ledger.note(pod, one, whoIs, START + atMs);
  return ledger;
}

interface Given {
  readonly modes?: PeerModes;
  readonly nowMs?: number;
  readonly lookBackMs?: number;
  readonly joined?: boolean | undefined;
}

function planOf(ledger: TrafficLedger, given: Given = {}) {
  const { modes = permissive, nowMs = 60 * MINUTE, lookBackMs = 24 * 60 * MINUTE } = given;
  const facts = {
    ledger,
    haveProxies: () => ('joined' in given ? given.joined : false),
    nowMs: START + nowMs,
    lookBackMs,
    atLeastMs: 10 * MINUTE,
  };
  return planWorkload({ namespace: 'default', workload: 'web', pods: ['web-1'], modes, ports: [80] }, facts);
}

const hour = 60 * MINUTE;

describe('what STRICT would do to a workload', () => {
  it('is nothing where all that was seen came with TLS of the mesh', () => {
    const plan = planOf(read([hour, counts(hour, 20)]));
    expect(plan).toMatchObject({ verdict: 'safe', reasons: [], observedSinceMs: START });
    expect(plan.ports).toMatchObject([{ port: 80, verdict: 'safe', mutual: 20, plaintext: 0 }]);
  });

  it('is to refuse who called without, wherever they are', () => {
    const plan = planOf(read([hour, counts(hour, 20, { '10.0.0.2': 5, '192.0.2.1': 1, '10.0.0.3': 2 })]));
    expect(plan.verdict).toBe('breaks');
    expect(plan.reasons[0]).toBe('STRICT would refuse default/legacy, 192.0.2.1, default/around at port 80');
    expect(plan.ports[0]).toMatchObject({ mutual: 12, plaintext: 8 });
    expect(plan.ports[0]?.callers.map(({ note }) => note)).toEqual([
      'has no proxy',
      'nobody in the mesh has this address',
      expect.stringContaining('around the proxy'),
    ]);
  });

  it('is nothing to a caller that has joined the mesh, or was not seen for long enough', () => {
    const ledger = read([1, counts(1, 1, { '10.0.0.2': 1 })], [hour, counts(hour, 9, { '10.0.0.2': 1 })]);
    expect(planOf(ledger)).toMatchObject({ verdict: 'breaks' });
    expect(planOf(ledger, { joined: undefined }).ports[0]?.callers[0]?.note).toBe('does not run now');
    expect(planOf(ledger, { joined: true })).toMatchObject({ verdict: 'safe' });
    expect(planOf(ledger, { lookBackMs: 30 * MINUTE })).toMatchObject({ verdict: 'safe' });
  });

  it('is not known where too little was seen', () => {
    const reasons = (ledger: TrafficLedger, given?: Given) => {
      const { verdict, reasons } = planOf(ledger, given);
      expect(verdict).toBe('unknown');
      return reasons.join('; ');
    };
    expect(reasons(read())).toContain('1 of 1 proxies could not be asked: web-1');
    expect(reasons(read([hour, counts(hour, 0)]))).toBe('no traffic seen');
    expect(reasons(read([hour, counts(MINUTE, 5)]))).toBe('observed for 60 s only, 600 s are wanted');
    expect(reasons(read([hour, counts(hour, 5)]), { nowMs: 2 * hour })).toContain('could not be asked');
    expect(reasons(read([hour, counts(hour, 5, {}, { openPlain: 1 })]))).toContain(
      'open connection without TLS',
    );
    expect(reasons(read([hour, { ...counts(hour, 5), isFull: true }]))).toContain('more callers');
    const disabled = { ...permissive, mode: 'disable' } as const;
    expect(reasons(read([hour, counts(hour, 5)]), { modes: disabled })).toContain('make it PERMISSIVE first');
  });

  it('is done already', () => {
    expect(planOf(read(), { modes: { ...permissive, mode: 'strict' } })).toMatchObject({
      verdict: 'strict',
      reasons: [],
    });
  });
});

describe('what is remembered', () => {
  it('goes on when a proxy restarts and counts from nothing', () => {
    const ledger = read(
      [hour, counts(hour, 20, { '10.0.0.2': 5 })],
      [hour + MINUTE, counts(30_000, 3, { '10.0.0.2': 1 })],
      [hour + 2 * MINUTE, counts(30_000 + MINUTE, 4, { '10.0.0.2': 1 })],
    );
    const [port] = planOf(ledger, { nowMs: hour + 2 * MINUTE }).ports;
    expect(port).toMatchObject({ mutual: 15 + 2 + 1, plaintext: 6 });
    expect(port?.callers[0]?.lastSeenMs).toBe(START + hour + MINUTE);
  });

  it('outlives the Pods', () => {
    const ledger = read([hour, counts(hour, 20, { '10.0.0.2': 5 })]);
    ledger.keep(() => false);
    expect(ledger.reading('default', 'web-1')).toBeUndefined();
    expect(ledger.of('default', 'web')?.callers.size).toBe(1);
  });

  it('is bounded, and says so', () => {
    const callers = Object.fromEntries(
      Array.from({ length: MAX_CALLERS_PER_WORKLOAD + 1 }, (_, i) => [`192.0.2.${i}`, 1]),
    );
    const ledger = read([hour, counts(hour, 1000, callers)]);
    expect(ledger.of('default', 'web')?.callers.size).toBe(MAX_CALLERS_PER_WORKLOAD);
    expect(planOf(ledger).reasons.join()).toContain('more callers');
  });
});

describe('the policies to apply', () => {
  const subject = (workload: string, ledger: TrafficLedger) => ({
    plan: { ...planOf(ledger), workload },
    labels: { app: workload, 'pod-template-hash': 'abc', 'security.istio.io/tlsMode': 'istio' },
    own: undefined,
  });
  const safe = subject('web', read([hour, counts(hour, 20)]));
  const breaks = subject('old', read([hour, counts(hour, 20, { '10.0.0.2': 5 })]));

  it('are one for a namespace that is safe as a whole', () => {
    expect(strictPolicies('default', [safe], { existing: undefined })).toMatchObject([
      {
        kind: 'PeerAuthentication',
        metadata: { name: 'default', namespace: 'default' },
        spec: { mtls: { mode: 'STRICT' } },
      },
    ]);
    const existing = { group: '', kind: 'PeerAuthentication', namespace: 'default', name: 'here' };
    expect(strictPolicies('default', [safe], { existing })).toMatchObject([{ metadata: { name: 'here' } }]);
  });

  it('are else one for each workload that is, by its own labels', () => {
    expect(strictPolicies('default', [safe, breaks], { existing: undefined })).toEqual([
      {
        apiVersion: 'security.istio.io/v1',
        kind: 'PeerAuthentication',
        metadata: { name: 'web', namespace: 'default' },
        spec: { selector: { matchLabels: { app: 'web' } }, mtls: { mode: 'STRICT' } },
      },
    ]);
    expect(strictPolicies('default', [breaks], undefined)).toEqual([]);
  });

  it('leave the ports open at which somebody would be refused', () => {
    const mixed = {
      ...breaks,
      plan: {
        ...breaks.plan,
        ports: [...breaks.plan.ports, { ...safe.plan.ports[0]!, port: 81 }],
      },
    };
    expect(strictPolicies('default', [mixed], undefined)).toMatchObject([
      { spec: { mtls: { mode: 'STRICT' }, portLevelMtls: { 80: { mode: 'PERMISSIVE' } } } },
    ]);
  });
});
