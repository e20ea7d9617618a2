import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../watch/files/documents.ts';
import { makeResourceStore } from '../watch/store.ts';
import { type Held, heldNothing, holdBack } from './hold-back.ts';
import { withHeld } from './status.ts';

const service = (name: string) => `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: web }, ports: [{ name: http, port: 80 }] }
`;
const subsets = (...names: readonly string[]) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec:
  host: web
  subsets: [${names.map((name) => `{ name: ${name}, labels: { version: ${name} } }`).join(', ')}]
`;
const rule = (destination: string, more = '') => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [web]
  http: [{ ${more} route: [{ destination: { host: ${destination} } }] }]
`;

/** A store whose files are changed one at a time, and what is made of each change. */
function world(files: Readonly<Record<string, string>>) {
  const store = makeResourceStore();
  const put = (file: string, text: string) =>
    ({ type: 'put', origin: file, ...parseDocuments(text, file) }) as const;
  store.apply(Object.entries(files).map(([file, text]) => put(file, text)));
  let held: Held = heldNothing(store.resources());
  const next = () => {
    held = holdBack(store.resources(), held, 'cluster.local');
    return held;
  };
  return {
    apply(file: string, text: string) {
      store.apply([put(file, text)]);
      return next();
    },
    remove(file: string) {
      store.apply([{ type: 'delete', origin: file }]);
      return next();
    },
    store,
    held: () => held,
    rule: () => held.resources.get('networking.istio.io/VirtualService', 'default', 'web')?.object.spec,
    subsets: () =>
      held.resources
        .get('networking.istio.io/DestinationRule', 'default', 'web')
        ?.object.spec.subsets?.map(({ name }) => name),
    statuses: () =>
      withHeld(store.statuses(), held.objects).map(({ file, state, errors }) => [
        file,
        state,
        errors[0]?.message ?? '',
      ]),
  };
}

const base = { 's.yaml': service('web') };

describe('holding back', () => {
  it('keeps the last version of a rule until the subset that the next one names is there', () => {
    const mesh = world({ ...base, 'r.yaml': rule('web') });
    const before = mesh.rule();
    mesh.apply('r.yaml', rule('web, subset: v1'));
    expect(mesh.rule()).toBe(before);
    expect(mesh.held().objects).toMatchObject([
      { state: 'stale', file: 'r.yaml', line: 7, field: 'spec.http[0].route[0].destination' },
    ]);
    expect(mesh.statuses()[0]).toEqual([
      'r.yaml',
      'stale',
      'the subset v1 of web.default.svc.cluster.local does not exist yet; the last version stays in use until it does',
    ]);
    mesh.apply('d.yaml', subsets('v1'));
    expect(mesh.rule()?.http?.[0]?.route?.[0]?.destination.subset).toBe('v1');
    expect(mesh.held().objects).toEqual([]);
    expect(mesh.held().resources).toBe(mesh.store.resources());
  });

  it('does not use a new rule before what it leads to exists, and tells so', () => {
    const mesh = world(base);
    mesh.apply('r.yaml', rule('other'));
    expect(mesh.rule()).toBeUndefined();
    expect(mesh.statuses()[0]?.slice(0, 2)).toEqual(['r.yaml', 'invalid']);
    mesh.apply('o.yaml', service('other'));
    expect(mesh.rule()).toBeDefined();
  });

  it('keeps a subset that is taken out, and one whose object is deleted, while a rule leads there', () => {
    const mesh = world({ ...base, 'd.yaml': subsets('v1', 'v2'), 'r.yaml': rule('web, subset: v1') });
    mesh.apply('d.yaml', subsets('v2', 'v3'));
    expect(mesh.subsets()).toEqual(['v2', 'v3', 'v1']);
    const kept = mesh.held().resources.list('networking.istio.io/DestinationRule')[0];
    mesh.apply('x.yaml', service('x'));
    expect(mesh.held().resources.list('networking.istio.io/DestinationRule')[0]).toBe(kept);
    mesh.remove('d.yaml');
    expect(mesh.subsets()).toEqual(['v2', 'v3', 'v1']);
    expect(mesh.statuses()).toContainEqual([
      'd.yaml',
      'stale',
      'it is deleted, but VirtualService default/web leads to its subset v1; it stays in use until that changes',
    ]);
    mesh.apply('r.yaml', rule('web'));
    expect(mesh.subsets()).toBeUndefined();
    expect(mesh.held().objects).toEqual([]);
  });

  it('keeps a service that a rule leads to', () => {
    const mesh = world({ ...base, 'o.yaml': service('other'), 'r.yaml': rule('other') });
    mesh.remove('o.yaml');
    expect(mesh.held().resources.get('/Service', 'default', 'other')).toBeDefined();
    mesh.remove('r.yaml');
    expect(mesh.held().resources.get('/Service', 'default', 'other')).toBeUndefined();
  });

  it('keeps what a kept rule needs', () => {
    const mesh = world({ ...base, 'd.yaml': subsets('v1'), 'r.yaml': rule('web, subset: v1') });
    mesh.apply('r.yaml', rule('web, subset: v9'));
    mesh.apply('d.yaml', subsets('v2'));
    expect(mesh.subsets()).toEqual(['v2', 'v1']);
    mesh.apply('d.yaml', subsets('v9'));
    expect(mesh.subsets()).toEqual(['v9']);
  });

  it('leaves alone what led nowhere from the start', () => {
    const mesh = world({ ...base, 'r.yaml': rule('web, subset: v1') });
    mesh.apply('r.yaml', rule('web, subset: v1', 'timeout: 5s,'));
    expect(mesh.rule()?.http?.[0]?.timeout).toBe('5s');
    expect(mesh.held().objects).toEqual([]);
  });
});
