import { describe, expect, it } from 'vitest';
import type { KindId } from '../api/kinds.ts';
import type { Resource, Resources } from '../api/resources.ts';
import { httpService, storeOf } from '../testing/compiled-mesh.ts';
import { type Compiled, compile } from './compile.ts';

// An object on which a step throws (a mistake of ours) is that object's trouble alone.

const services = ['a', 'b', 'c'].map((name) => httpService(name, { versions: ['v1', 'v2'] }));
const rule = (name: string, connections: number) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: default }
spec:
  host: ${name}
  trafficPolicy: { connectionPool: { tcp: { maxConnections: ${connections} } } }
  subsets: [{ name: v1, labels: { version: v1 } }]`;
const routes = (name: string, weight: number) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: default }
spec:
  hosts: [${name}]
  http: [{ match: [{ uri: { prefix: /w${weight} } }], route: [{ destination: { host: ${name}, subset: v1 } }] }]`;

function mesh(connections: number, weight = 1): Resources {
  const rules = ['a', 'b', 'c'].flatMap((name) => [rule(name, connections), routes(name, weight)]);
  return storeOf([...services, ...rules].join('\n---\n')).resources();
}

const DESTINATION_RULE: KindId = 'networking.istio.io/DestinationRule';
const VIRTUAL_SERVICE: KindId = 'networking.istio.io/VirtualService';

/** The resources with one object changed behind the validator's back. */
function poisoned(
  resources: Resources,
  kind: KindId,
  name: string,
  poison: (object: never) => object,
): Resources {
  const healthy = resources.get(kind, 'default', name) as Resource;
  const bad: Resource = { ...healthy, object: poison(healthy.object as never) };
  const shown = (one: Resource | undefined) => (one === healthy ? bad : one);
  return {
    revision: resources.revision + 1,
    get: (...key) => shown(resources.get(...key)) as never,
    list: (of) =>
      (of === kind ? (resources.list(of) as readonly Resource[]).map(shown) : resources.list(of)) as never,
  };
}

/** Fails where the object is turned into the model. */
const failsEarly = (object: { spec: object }) => ({
  ...object,
  get spec(): object {
    throw new Error('boom');
  },
});

/** Passes through the model and fails where endpoints are chosen: a bigint is no JSON. */
const failsLate = (object: { spec: { subsets: object[] } }) => ({
  ...object,
  spec: { ...object.spec, subsets: [{ name: 'v1', labels: { version: 5n } }] },
});

/** What the proxy has once all is quiet: trouble may show after a part was asked for. */
function shown(compiled: Compiled) {
  inView(compiled);
  return inView(compiled);
}

function inView(compiled: Compiled) {
  const view = compiled.forProxy({ id: 'sidecar~~a-v1.default~default.svc.cluster.local' })!;
  const connections = Object.fromEntries(
    view
      .clusters()
      .map(({ name, object }) => [name, object.circuit_breakers?.thresholds?.[0]?.max_connections]),
  );
  const of = (name: string) => connections[`outbound|80|v1|${name}.default.svc.cluster.local`];
  const prefixes = view
    .routes()
    .flatMap(({ object }) => object.virtual_hosts ?? [])
    .map(({ routes = [] }) => routes[0]?.match?.prefix);
  return { rules: [of('a'), of('b'), of('c')], endpoints: view.endpoints().length, prefixes };
}

const troubles: string[] = [];
const onTrouble = (message: string) => void troubles.push(message);

describe('an object that the compiler fails on', () => {
  it.each([
    ['where it becomes a part of the model', failsEarly],
    ['where resources are made of it', failsLate],
  ])('is left out alone where there is no good version of it: %s', (_, poison) => {
    const compiled = compile(
      poisoned(mesh(7), DESTINATION_RULE, 'b', poison as never),
      {},
      undefined,
      onTrouble,
    );
    expect(shown(compiled).rules).toEqual([7, undefined, 7]);
    expect(compiled.findings()[0]).toMatchObject({
      key: { kind: 'DestinationRule', name: 'b' },
      state: 'invalid',
      message: expect.stringMatching(/^cannot be compiled, and it is left out: /),
    });
    expect(troubles.pop()).toMatch(/DestinationRule.*b cannot be compiled and is left out/);
  });

  it.each([
    ['where it becomes a part of the model', failsEarly],
    ['where resources are made of it', failsLate],
  ])('counts as it was before, while the others change: %s', (_, poison) => {
    let compiled = compile(mesh(7), {});
    expect(shown(compiled).rules).toEqual([7, 7, 7]);
    compiled = compile(poisoned(mesh(8), DESTINATION_RULE, 'b', poison as never), {}, compiled, onTrouble);
    const { rules, endpoints } = shown(compiled);
    expect(rules).toEqual([8, 7, 8]);
    expect(endpoints).toBe(6);
    expect(compiled.findings()[0]).toMatchObject({ key: { name: 'b' }, state: 'stale' });
    compiled = compile(mesh(9), {}, compiled);
    expect(shown(compiled).rules).toEqual([9, 9, 9]);
    expect(compiled.findings()).toEqual([]);
  });

  it('is one of several, each of which is found', () => {
    let compiled = compile(mesh(7, 1), {});
    shown(compiled);
    const one = poisoned(mesh(8, 2), DESTINATION_RULE, 'b', failsLate as never);
    const two = poisoned(one, VIRTUAL_SERVICE, 'c', failsEarly as never);
    compiled = compile(two, {}, compiled);
    expect(shown(compiled).rules).toEqual([8, 7, 8]);
    expect(shown(compiled).prefixes.filter((prefix) => prefix?.startsWith('/w'))).toEqual([
      '/w2',
      '/w2',
      '/w1',
    ]);
    expect(
      compiled
        .findings()
        .map(({ key }) => `${key.kind} ${key.name}`)
        .sort(),
    ).toEqual(['DestinationRule b', 'VirtualService c']);
  });

  it('stays as it was through later changes of others, until it is changed itself', () => {
    let compiled = compile(mesh(7), {});
    shown(compiled);
    const bad = poisoned(mesh(8), DESTINATION_RULE, 'b', failsLate as never);
    compiled = compile(bad, {}, compiled);
    expect(shown(compiled).rules).toEqual([8, 7, 8]);
    compiled = compile({ ...bad, revision: bad.revision + 1 }, {}, compiled);
    expect(shown(compiled).rules).toEqual([8, 7, 8]);
  });
});
