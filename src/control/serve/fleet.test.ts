import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { meshOf } from '../../testing/compiled-mesh.ts';
import { encodeDeltaRequest } from '../../xds/delta-messages.ts';
import { typeUrls } from '../../xds/resources.ts';
import type { Peer } from './admission.ts';
import { FIRST_REQUEST_TIMEOUT_MS } from './ads-stream.ts';
import { createResourceBytes } from './encoded.ts';
import { createFleet, DEFAULT_FLEET_LIMITS } from './fleet.ts';
import { createSecretSource } from './secrets.ts';

const peer: Peer = {
  identity: { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'web' },
  pod: undefined,
};

function fleetOf(limits: Partial<typeof DEFAULT_FLEET_LIMITS> = {}) {
  const clock = manualClock();
  const state = {
    compiled: meshOf(
      '{ apiVersion: v1, kind: Service, metadata: { name: web }, spec: { ports: [{ port: 80 }] } }',
    ),
    secrets: createSecretSource({ rootsPem: '', find: () => undefined }),
    bytes: createResourceBytes(() => {}),
    changedAtMs: 0,
  };
  const fleet = createFleet(clock, state, { ...DEFAULT_FLEET_LIMITS, ...limits });
  const open = (name?: string, who: Peer | 'nobody' = peer) => {
    const ends: [code: number, message: string][] = [];
    const stream = fleet.open('delta', who === 'nobody' ? undefined : who, {
      send: () => true,
      close: (code, message) => ends.push([code, message]),
    })!;
    if (name !== undefined) stream.receive(requestOf(name));
    return { stream, ends };
  };
  return { clock, fleet, open };
}

function requestOf(name: string): Uint8Array {
  return encodeDeltaRequest({
    node: { id: `sidecar~10.0.0.1~${name}.default~x` },
    typeUrl: typeUrls.cluster,
    subscribe: ['*'],
    unsubscribe: [],
    initialVersions: new Map(),
    nonce: '',
  });
}

describe('streams of the fleet', () => {
  it('that do not say who they are in time are ended', () => {
    const { clock, open } = fleetOf();
    const silent = open();
    const speaking = open('web-1');
    clock.advance(FIRST_REQUEST_TIMEOUT_MS);
    expect(silent.ends).toEqual([[4, 'no request came']]);
    expect(speaking.ends).toEqual([]);
  });

  it('of one proxy are so many: the oldest gives way', () => {
    const { open } = fleetOf({ maxStreamsPerProxy: 2 });
    const [first, second, third, other] = [open('web-1'), open('web-1'), open('web-1'), open('web-2')];
    expect(first.ends).toEqual([[8, 'a newer stream of this proxy took its place']]);
    expect([second, third, other].flatMap(({ ends }) => ends)).toEqual([]);
  });

  it('give way to nobody who has proved less', () => {
    const { open } = fleetOf({ maxStreamsPerProxy: 1 });
    const proven = open('web-1');
    open('web-1', 'nobody');
    expect(proven.ends).toEqual([]);
  });

  it('of proxies that nothing is known of are so many for one identity, and free their place', () => {
    const { fleet, open } = fleetOf({ maxUnknownPerIdentity: 2 });
    const [first] = [open('a'), open('b')];
    const [[code, message]] = open('c').ends as [[number, string]];
    expect(code).toBe(8);
    expect(message).toContain('spiffe://cluster.local/ns/default/sa/web');
    fleet.close(first!.stream);
    expect(open('d').ends).toEqual([]);
  });
});
