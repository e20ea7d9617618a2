import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { httpService, meshOf } from '../../testing/compiled-mesh.ts';
import { gatewayApiObject as object } from '../../testing/gateway-api.ts';
import type { GatewayApiStatus } from '../resolve/gateway-api/status.ts';
import { statusFields } from './fields.ts';
import { statusPatch, statusPatches, type WrittenObject } from './patches.ts';

const THEN = '2026-01-01T00:00:00Z';
const NOW = '2026-02-02T00:00:00Z';
const API = 'gateway.networking.k8s.io/v1';

const mesh =
  httpService('web') +
  object(
    'Gateway',
    'edge',
    '{ gatewayClassName: weft, listeners: [{ name: http, port: 80, protocol: HTTP }] }',
  ) +
  object(
    'HTTPRoute',
    'web',
    '{ parentRefs: [{ name: edge, sectionName: http }, { name: edge, sectionName: no }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }',
  );

function own(kind: string, name: string, generation = 3): GatewayApiStatus {
  const found = meshOf(mesh)
    .gatewayApiStatuses()
    .find(({ key }) => key.kind === kind && key.name === name);
  if (found === undefined) throw new Error(`${kind} ${name} has no status`);
  return { ...found, generation };
}

function written(kind: string, name: string, status?: unknown): WrittenObject {
  const metadata = { namespace: 'default', name, generation: 3, resourceVersion: '77' };
  return { apiVersion: API, kind, metadata, ...(status === undefined ? {} : { status }) };
}

/** The object after a merge patch (RFC 7386) of its status. */
function patched(before: WrittenObject, body: object): WrittenObject {
  const merge = (old: unknown, change: unknown): unknown => {
    if (typeof change !== 'object' || change === null || Array.isArray(change)) return change;
    const base = typeof old === 'object' && old !== null && !Array.isArray(old) ? old : {};
    const next: Record<string, unknown> = { ...base };
    for (const [name, value] of Object.entries(change))
      if (value === null) delete next[name];
      else next[name] = merge(next[name], value);
    return next;
  };
  return { ...before, status: merge(before.status, (body as { status: object }).status) };
}

const foreign = {
  controllerName: 'example.com/other',
  parentRef: { name: 'theirs' },
  conditions: [
    { type: 'Accepted', status: 'True', reason: 'Accepted', message: '', lastTransitionTime: THEN },
  ],
};

describe('the status of an object in a cluster', () => {
  it('names the generation that it is about', () => {
    const { conditions, listeners } = statusFields(own('Gateway', 'edge'));
    expect(conditions?.map(({ observedGeneration }) => observedGeneration)).toEqual([3, 3, 3]);
    expect(listeners?.[0]).toMatchObject({
      attachedRoutes: 1,
      conditions: [{ observedGeneration: 3 }, {}, {}, {}],
    });
  });

  it('is written where nothing stands yet', () => {
    const patch = statusPatch(written('Gateway', 'edge'), own('Gateway', 'edge'), NOW);
    expect(patch).toMatchObject({
      method: 'PATCH',
      path: '/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/edge/status',
      body: {
        metadata: { resourceVersion: '77' },
        status: {
          conditions: [
            { type: 'Accepted', status: 'True', observedGeneration: 3, lastTransitionTime: NOW },
            {},
            {},
          ],
        },
      },
    });
  });

  it('is not written again while it stands', () => {
    for (const [kind, name] of [
      ['Gateway', 'edge'],
      ['HTTPRoute', 'web'],
    ] as const) {
      const before = written(kind, name);
      const after = patched(before, statusPatch(before, own(kind, name), NOW)?.body ?? {});
      expect(statusPatch(after, own(kind, name), THEN)).toBeUndefined();
    }
  });

  it('keeps the time of a condition until its status changes', () => {
    const before = written('HTTPRoute', 'web');
    const first = patched(before, statusPatch(before, own('HTTPRoute', 'web'), THEN)?.body ?? {});
    const later = statusPatch(first, own('HTTPRoute', 'web', 4), NOW);
    expect(later?.body).toMatchObject({
      status: { parents: [{ conditions: [{ observedGeneration: 4, lastTransitionTime: THEN }, {}] }, {}] },
    });
  });

  it('leaves what other controllers wrote where it is', () => {
    const status = { parents: [foreign], custom: 1 };
    const before = written('HTTPRoute', 'web', status);
    const after = patched(before, statusPatch(before, own('HTTPRoute', 'web'), NOW)?.body ?? {});
    expect(after.status).toMatchObject({
      custom: 1,
      parents: [
        foreign,
        { controllerName: 'weft.dev/gateway-controller' },
        { parentRef: { sectionName: 'no' } },
      ],
    });
    const theirs = {
      type: 'example.com/Seen',
      status: 'True',
      reason: 'Yes',
      message: '',
      lastTransitionTime: THEN,
    };
    const gateway = written('Gateway', 'edge', { conditions: [theirs] });
    expect(statusPatch(gateway, own('Gateway', 'edge'), NOW)?.body).toMatchObject({
      status: { conditions: [{}, {}, {}, theirs] },
    });
  });

  it('goes when the object is not weft’s any more', () => {
    const before = written('HTTPRoute', 'web', { parents: [foreign] });
    const after = patched(before, statusPatch(before, own('HTTPRoute', 'web'), NOW)?.body ?? {});
    const patch = statusPatch(after, undefined, NOW);
    expect(patch?.body).toMatchObject({ status: { parents: [foreign] } });
    expect(statusPatch(patched(after, patch?.body ?? {}), undefined, NOW)).toBeUndefined();
    expect(statusPatch(written('GatewayClass', 'other'), undefined, NOW)).toBeUndefined();
  });

  it('is written for every object that is weft’s, and withdrawn from those that were', () => {
    const statuses = meshOf(mesh).gatewayApiStatuses();
    const mine = {
      controllerName: 'weft.dev/gateway-controller',
      parentRef: { name: 'gone' },
      conditions: [],
    };
    const objects = [
      written('Gateway', 'edge'),
      written('HTTPRoute', 'web'),
      written('HTTPRoute', 'left', { parents: [mine, foreign] }),
      written('HTTPRoute', 'theirs', { parents: [foreign] }),
    ];
    const patches = statusPatches(objects, statuses, NOW);
    expect(patches.map(({ path }) => path.split('/').at(-2))).toEqual(['edge', 'web', 'left']);
    expect(patches[2]?.body).toMatchObject({ status: { parents: [foreign] } });
  });

  it('comes to rest whatever stands there', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (status) => {
        const before = written('HTTPRoute', 'web', status);
        const patch = statusPatch(before, own('HTTPRoute', 'web'), NOW);
        const after = patched(before, patch?.body ?? { status: {} });
        expect(statusPatch(after, own('HTTPRoute', 'web'), THEN)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['GatewayClass', 'gatewayclasses'],
    ['BackendTLSPolicy', 'backendtlspolicies'],
    ['XMesh', 'xmeshes'],
    ['ListenerSet', 'listenersets'],
  ])('of a %s is asked for by %s', (kind, many) => {
    const patch = statusPatch(
      { ...written(kind, 'a'), metadata: { name: 'a' } },
      { ...own('Gateway', 'edge') },
      NOW,
    );
    expect(patch?.path).toBe(`/apis/${API}/${many}/a/status`);
  });
});
