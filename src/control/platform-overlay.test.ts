import { describe, expect, it } from 'vitest';
import { overlaySource } from './platform-overlay.ts';
import type { Change, Source, SourceDocument } from './watch/source.ts';
import { makeResourceStore, type ResourceStore } from './watch/store.ts';

/** A source that tells what it is told. */
function source(first: readonly Change[] = []): Source & { tell(...batch: Change[]): void } {
  let listener: (batch: readonly Change[]) => void = () => {};
  return {
    async watch(onChange) {
      listener = onChange;
      onChange(first);
    },
    async close() {},
    tell: (...batch) => listener(batch),
  };
}

function document(file: string, value: object): SourceDocument {
  const provenance = { file, line: 1, lineOf: () => 1 };
  return { value, provenance, text: JSON.stringify(value) };
}

function put(origin: string, ...values: object[]): Change {
  return { type: 'put', origin, documents: values.map((value) => document(origin, value)), problems: [] };
}

const service = (spec: object, metadata: object = { name: 'web' }) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata,
  spec: { ports: [{ port: 80 }], ...spec },
});
const published = service({ clusterIP: '10.96.0.7' }, { name: 'web', namespace: 'default' });
const pod = (status: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'default' },
  spec: { containers: [] },
  ...status,
});

async function mesh(user: ReturnType<typeof source>, platform: ReturnType<typeof source>) {
  const store = makeResourceStore();
  await overlaySource(user, platform).watch((batch) => store.apply(batch));
  return store;
}

const clusterIpOf = (store: ResourceStore) => {
  const found = store.resources().get('/Service', 'default', 'web');
  return found && { ip: found.object.spec?.clusterIP, file: found.provenance.file };
};
const states = (store: ResourceStore) => store.statuses().map(({ file, state }) => `${file} ${state}`);

describe('the platform over the user’s objects', () => {
  it('gives a Service its address, whoever comes first, and the user’s file stays its place', async () => {
    const user = source([put('web.yaml', service({}))]);
    const platform = source();
    const store = await mesh(user, platform);
    expect(clusterIpOf(store)).toEqual({ ip: undefined, file: 'web.yaml' });
    platform.tell(put('service.json', published));
    expect(clusterIpOf(store)).toEqual({ ip: '10.96.0.7', file: 'web.yaml' });
    expect(states(store)).toEqual(['web.yaml ok']);
    const other = await mesh(
      source([put('web.yaml', service({}))]),
      source([put('service.json', published)]),
    );
    expect(clusterIpOf(other)).toEqual({ ip: '10.96.0.7', file: 'web.yaml' });
  });

  it('leaves an address that the user chose', async () => {
    const user = source([put('web.yaml', service({ clusterIP: 'None' }))]);
    const store = await mesh(user, source([put('service.json', published)]));
    expect(clusterIpOf(store)?.ip).toBe('None');
  });

  it('does not hide a mistake of the user: the last good version stays, the error is told', async () => {
    const user = source([put('web.yaml', service({}))]);
    const store = await mesh(user, source([put('service.json', published)]));
    user.tell(put('web.yaml', service({ ports: [{ port: 'no' }] })));
    expect(states(store)).toEqual(['web.yaml stale']);
    expect(clusterIpOf(store)).toEqual({ ip: '10.96.0.7', file: 'web.yaml' });
  });

  it('shows the platform’s own objects, and takes one over when the user’s is gone', async () => {
    const user = source([put('web.yaml', service({}))]);
    const platform = source([
      put('service.json', published),
      put('pod.json', pod({ status: { podIP: '10.244.0.2' } })),
    ]);
    const store = await mesh(user, platform);
    expect(store.resources().get('/Pod', 'default', 'web-1')?.object.status?.podIP).toBe('10.244.0.2');
    user.tell({ type: 'delete', origin: 'web.yaml' });
    expect(clusterIpOf(store)?.file).toBe('service.json');
    platform.tell({ type: 'delete', origin: 'service.json' });
    expect(clusterIpOf(store)).toBeUndefined();
  });

  it('gives a Pod that the user wrote its status, as it changes', async () => {
    const user = source([put('pod.yaml', pod({}))]);
    const platform = source();
    const store = await mesh(user, platform);
    const ipOf = () => store.resources().get('/Pod', 'default', 'web-1')?.object.status?.podIP;
    platform.tell(put('pod.json', pod({ status: { podIP: '10.244.0.2' } })));
    expect(ipOf()).toBe('10.244.0.2');
    platform.tell(put('pod.json', pod({ status: { podIP: '10.244.0.3' } })));
    expect(ipOf()).toBe('10.244.0.3');
    expect(states(store)).toEqual(['pod.yaml ok']);
  });

  it('gives it the labels that say whether there is a proxy', async () => {
    const user = source([put('pod.yaml', pod({}))]);
    const platform = source();
    const store = await mesh(user, platform);
    const labels = { app: 'web', 'security.istio.io/tlsMode': 'istio' };
    const made = pod({ status: { podIP: '10.244.0.2' } });
    platform.tell(put('pod.json', { ...made, metadata: { ...made.metadata, labels } }));
    expect(store.resources().get('/Pod', 'default', 'web-1')?.object.metadata.labels).toEqual(labels);
  });
});
