import { describe, expect, it } from 'vitest';
import type { DeltaRequest } from './delta-messages.ts';
import { createDeltaServer, type DeltaServer, MAX_VIRTUAL_HOSTS } from './delta-server.ts';
import { HOLD_LIMIT_MS } from './push-order.ts';
import { typeUrls } from './resources.ts';
import { type Push, type Sendable, sendable } from './sendable.ts';
import { namesIn, type Snapshot, standing } from './served-type.ts';
import type { SotwRequest } from './sotw-messages.ts';
import { createSotwServer, type SotwServer } from './sotw-server.ts';

const { cluster, endpoint, listener, route, virtualHost } = typeUrls;

/** `snapshot('2', { [cluster]: ['a@1', 'b@2'] })` */
function snapshot(version: string, contents: Record<string, readonly string[]>): Snapshot {
  const make = (typeUrl: string, text: string): Sendable => {
    const [name = '', of = ''] = text.split('@');
    const endpoints = typeUrl === cluster ? name : undefined;
    return sendable(name, of, typeUrl, Buffer.from(text), endpoints);
  };
  const all = (typeUrl: string) => (contents[typeUrl] ?? []).map((text) => make(typeUrl, text));
  return { version, all, named: (typeUrl, names) => all(typeUrl).filter(({ name }) => names.has(name)) };
}

/** What was sent, as `Cluster +a@1 -b`. */
function shown(pushes: readonly Push[]): readonly string[] {
  return pushes.map(({ typeUrl, resources, removed }) => {
    const short = typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
    return [short, ...resources.map((r) => `+${r.name}@${r.version}`), ...removed.map((n) => `-${n}`)].join(
      ' ',
    );
  });
}

function delta(typeUrl: string, fields: Partial<DeltaRequest> = {}): DeltaRequest {
  return { typeUrl, subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '', ...fields };
}

function sotw(typeUrl: string, fields: Partial<SotwRequest> = {}): SotwRequest {
  return { typeUrl, names: [], version: '', nonce: '', ...fields };
}

function answerAll(server: DeltaServer, pushes: readonly Push[]): void {
  for (const { typeUrl, nonce } of pushes) server.receive(delta(typeUrl, { nonce }));
}

/** A client that holds everything of `first`. */
function synced(first: Snapshot): DeltaServer {
  const server = createDeltaServer({ streamId: 's' });
  server.offer(first);
  server.receive(delta(cluster));
  server.receive(delta(listener));
  const names = (typeUrl: string) => first.all(typeUrl).map(({ name }) => name);
  server.receive(delta(endpoint, { subscribe: names(endpoint) }));
  server.receive(delta(route, { subscribe: names(route) }));
  server.receive(delta(virtualHost, { subscribe: names(virtualHost) }));
  for (let pushes = server.next(0); pushes.length > 0; pushes = server.next(0)) answerAll(server, pushes);
  return server;
}

describe('the server end of delta ADS', () => {
  it('sends clusters and endpoints first, then listeners and routes, and removes last', () => {
    const server = synced(
      snapshot('1', { [cluster]: ['old@1'], [endpoint]: ['old@1'], [listener]: ['l@1'], [route]: ['r@1'] }),
    );
    const after = { [cluster]: ['new@1'], [endpoint]: ['new@1'], [listener]: ['l@2'], [route]: ['r@2'] };
    server.offer(snapshot('2', after));
    const first = server.next(0);
    expect(shown(first)).toEqual(['Cluster +new@1']);
    server.receive(delta(endpoint, { subscribe: ['new'] }));
    const second = server.next(0);
    expect(shown(second)).toEqual(['ClusterLoadAssignment +new@1']);
    answerAll(server, [...first, ...second]);
    const third = server.next(0);
    expect(shown(third)).toEqual(['Listener +l@2', 'RouteConfiguration +r@2']);
    expect(server.next(0)).toEqual([]);
    answerAll(server, third);
    expect(shown(server.next(0))).toEqual(['Cluster -old', 'ClusterLoadAssignment -old']);
  });

  it('takes no cluster away before the virtual hosts that led to it have changed', () => {
    const server = synced(snapshot('1', { [cluster]: ['a@1', 'b@1'], [virtualHost]: ['80/h@1'] }));
    server.offer(snapshot('2', { [cluster]: ['a@1'], [virtualHost]: ['80/h@2'] }));
    const hosts = server.next(0);
    expect(shown(hosts)).toEqual(['VirtualHost +80/h@2']);
    answerAll(server, hosts);
    expect(shown(server.next(0))).toEqual(['Cluster -b']);
  });

  it('goes on serving a client that asks for ever more virtual hosts', () => {
    const server = synced(snapshot('1', { [virtualHost]: ['80/a@1'] }));
    const many = Array.from({ length: MAX_VIRTUAL_HOSTS }, (_, i) => `80/${i}`);
    server.receive(delta(virtualHost, { subscribe: many }));
    const events = server.receive(delta(virtualHost, { subscribe: ['80/late', '80/a'] }));
    expect(events).toEqual([{ kind: 'subscribed', typeUrl: virtualHost }]);
    const names = server.types().get(virtualHost)?.names;
    expect([names?.size, names?.has('80/a')]).toEqual([MAX_VIRTUAL_HOSTS, true]);
  });

  it('does not let a cluster that never gets warm hold up routes for ever', () => {
    const server = synced(snapshot('1', { [cluster]: ['a@1'], [route]: ['r@1'] }));
    server.offer(snapshot('2', { [cluster]: ['a@1', 'b@1'], [route]: ['r@2'] }));
    expect(shown(server.next(0))).toEqual(['Cluster +b@1']);
    expect(server.next(HOLD_LIMIT_MS - 1)).toEqual([]);
    expect(server.wakeAtMs()).toBe(HOLD_LIMIT_MS);
    expect(shown(server.next(HOLD_LIMIT_MS))).toEqual(['RouteConfiguration +r@2']);
    expect(server.wakeAtMs()).toBeUndefined();
  });

  it('keeps routes back for new clusters that wait behind another push of clusters', () => {
    const server = synced(snapshot('1', { [cluster]: ['a@1', 'b@1'], [route]: ['r@1'] }));
    server.offer(snapshot('2', { [cluster]: ['a@1'], [route]: ['r@1'] }));
    const [removal] = server.next(0);
    expect(shown([removal!])).toEqual(['Cluster -b']);
    server.offer(snapshot('3', { [cluster]: ['a@1', 'c@1'], [route]: ['r@2'] }));
    expect(server.next(0)).toEqual([]);
    answerAll(server, [removal!]);
    const [addition] = server.next(0);
    expect(shown([addition!])).toEqual(['Cluster +c@1']);
    answerAll(server, [addition!]);
    expect(shown(server.next(0))).toEqual(['RouteConfiguration +r@2']);
  });

  it('does not keep routes back for changes of clusters and endpoints that are there', () => {
    const server = synced(snapshot('1', { [cluster]: ['a@1'], [endpoint]: ['a@1'], [route]: ['r@1'] }));
    server.offer(snapshot('2', { [cluster]: ['a@2'], [endpoint]: ['a@2'], [route]: ['r@2'] }));
    expect(shown(server.next(0))).toEqual([
      'Cluster +a@2',
      'ClusterLoadAssignment +a@2',
      'RouteConfiguration +r@2',
    ]);
  });

  it('has one push per type outstanding and sends what came meanwhile as one', () => {
    const server = synced(snapshot('1', { [cluster]: ['a@1'] }));
    server.offer(snapshot('2', { [cluster]: ['a@2'] }));
    const [push] = server.next(0);
    server.offer(snapshot('3', { [cluster]: ['a@3', 'b@1'] }));
    expect(server.next(0)).toEqual([]);
    server.offer(snapshot('4', { [cluster]: ['a@4', 'b@1'] }));
    expect(server.next(0)).toEqual([]);
    answerAll(server, [push!]);
    expect(shown(server.next(0))).toEqual(['Cluster +a@4 +b@1']);
  });

  it('sends the endpoints again after a cluster that changed', () => {
    const server = synced(snapshot('1', { [cluster]: ['a@1', 'b@1'], [endpoint]: ['a@1', 'b@1'] }));
    server.offer(snapshot('2', { [cluster]: ['a@2', 'b@1'], [endpoint]: ['a@1', 'b@1'] }));
    expect(shown(server.next(0))).toEqual(['Cluster +a@2', 'ClusterLoadAssignment +a@1']);
  });

  it('sends endpoints again for a changed cluster though both are gone meanwhile: the client warms it and waits', () => {
    const server = synced(
      snapshot('1', { [cluster]: ['a@1', 'b@1'], [endpoint]: ['a@1', 'b@1'], [route]: ['r@1'] }),
    );
    server.offer(snapshot('2', { [cluster]: ['a@1'], [endpoint]: ['a@1'], [route]: ['r@1'] }));
    const removals = server.next(0);
    expect(shown(removals)).toEqual(['Cluster -b', 'ClusterLoadAssignment -b']);
    const [clusters, endpoints] = removals;
    answerAll(server, [clusters!]);
    server.offer(snapshot('3', { [cluster]: ['a@2'], [endpoint]: ['a@1'], [route]: ['r@2'] }));
    expect(shown(server.next(0))).toEqual(['Cluster +a@2', 'RouteConfiguration +r@2']);
    server.offer(snapshot('4', { [cluster]: ['c@1'], [endpoint]: ['c@1'], [route]: ['r@3'] }));
    answerAll(server, [endpoints!]);
    expect(shown(server.next(0))).toEqual(['ClusterLoadAssignment +a@1']);
  });

  it('does not repeat what was refused, and says what was', () => {
    const server = synced(snapshot('1', { [cluster]: ['a@1', 'b@1'] }));
    const second = snapshot('2', { [cluster]: ['a@bad', 'b@2'] });
    server.offer(second);
    const [push] = server.next(0);
    const error = { code: 13, message: 'Error adding/updating cluster(s) a: no such filter' };
    const [event] = server.receive(delta(cluster, { nonce: push!.nonce, error }));
    expect(event).toMatchObject({ kind: 'refused', error, names: ['a'] });
    expect(server.next(0)).toEqual([]);
    const type = server.types().get(cluster)!;
    expect(second.all(cluster).map((resource) => standing(type, resource))).toEqual(['refused', 'live']);
    server.offer(snapshot('3', { [cluster]: ['a@1', 'b@2'] }));
    expect(shown(server.next(0))).toEqual(['Cluster +a@1']);
  });

  it('takes a refusal for what it names, and for everything where it names nothing', () => {
    const resources = ['a', 'a.b', 'outbound|80||a', 'outbound|80||a.b'].map((name) => ({ name }));
    expect(namesIn('cannot use a.', resources)).toEqual(['a']);
    expect(namesIn('cluster(s) outbound|80||a: bad', resources)).toEqual(['outbound|80||a']);
    expect(namesIn('a.b, outbound|80||a.b', resources)).toEqual(['a.b', 'outbound|80||a.b']);
    expect(namesIn('cannot', resources)).toHaveLength(4);
  });

  it('says that a name does not exist, once, and sends it when it does', () => {
    const server = synced(snapshot('1', {}));
    server.receive(delta(endpoint, { subscribe: ['a'] }));
    const pushes = server.next(0);
    expect(shown(pushes)).toEqual(['ClusterLoadAssignment -a']);
    answerAll(server, pushes);
    server.offer(snapshot('2', { [listener]: [] }));
    expect(server.next(0)).toEqual([]);
    server.offer(snapshot('3', { [endpoint]: ['a@1'] }));
    expect(shown(server.next(0))).toEqual(['ClusterLoadAssignment +a@1']);
  });

  it('answers the first request of a type even where there is nothing, since clients wait for it', () => {
    const server = createDeltaServer({ streamId: 's' });
    server.receive(delta(cluster));
    expect(server.next(0)).toEqual([]);
    server.offer(snapshot('1', {}));
    expect(shown(server.next(0))).toEqual(['Cluster']);
  });

  it('sends what is asked for again by name, even unchanged', () => {
    const server = synced(snapshot('1', { [endpoint]: ['a@1'] }));
    server.receive(delta(endpoint, { unsubscribe: ['a'] }));
    server.receive(delta(endpoint, { subscribe: ['a'] }));
    expect(shown(server.next(0))).toEqual(['ClusterLoadAssignment +a@1']);
  });

  it('ignores the answer to a response that is not the last', () => {
    const server = synced(snapshot('1', { [cluster]: ['a@1'] }));
    expect(server.receive(delta(cluster, { nonce: 'other.1' }))).toEqual([
      { kind: 'outdated', typeUrl: cluster },
    ]);
  });

  it('limits subscriptions and types', () => {
    const server = createDeltaServer({ streamId: 's', maxSubscriptions: 2, maxTypes: 2 });
    expect(server.receive(delta(endpoint, { subscribe: ['a', 'b'] }))).toHaveLength(1);
    expect(server.receive(delta(endpoint, { subscribe: ['c'] })).at(-1)?.kind).toBe('excess');
    server.receive(delta(cluster));
    expect(server.receive(delta(listener)).at(-1)?.kind).toBe('excess');
  });
});

describe('the server end of state-of-the-world ADS', () => {
  const answer = (server: SotwServer, push: Push, names: readonly string[] = []) =>
    server.receive(sotw(push.typeUrl, { nonce: push.nonce, version: push.systemVersion, names }));

  it('repeats all clusters when one changes, and keeps removed ones until routes have moved', () => {
    const server = createSotwServer({ streamId: 's' });
    server.offer(snapshot('1', { [cluster]: ['old@1', 'same@1'], [route]: ['r@1'] }));
    server.receive(sotw(cluster));
    const [first] = server.next(0);
    expect(shown([first!])).toEqual(['Cluster +old@1 +same@1']);
    answer(server, first!);
    server.receive(sotw(route, { names: ['r'] }));
    const [second] = server.next(0);
    expect(shown([second!])).toEqual(['RouteConfiguration +r@1']);
    answer(server, second!, ['r']);
    expect(server.next(0)).toEqual([]);
    server.offer(snapshot('2', { [cluster]: ['new@1', 'same@1'], [route]: ['r@2'] }));
    const [third] = server.next(0);
    expect(shown([third!])).toEqual(['Cluster +old@1 +same@1 +new@1']);
    answer(server, third!);
    const [fourth] = server.next(0);
    expect(shown([fourth!])).toEqual(['RouteConfiguration +r@2']);
    answer(server, fourth!, ['r']);
    const [fifth] = server.next(0);
    expect(fifth!.resources.map(({ name }) => name)).toEqual(['new', 'same']);
  });

  it('takes the names of a request as the whole subscription', () => {
    const server = createSotwServer({ streamId: 's' });
    server.offer(snapshot('1', { [endpoint]: ['a@1', 'b@1', 'c@1'] }));
    server.receive(sotw(endpoint, { names: ['a'] }));
    const [first] = server.next(0);
    expect(shown([first!])).toEqual(['ClusterLoadAssignment +a@1']);
    answer(server, first!, ['a']);
    const { systemVersion: version, nonce } = first!;
    server.receive(sotw(endpoint, { names: ['b', 'c'], version, nonce }));
    const [second] = server.next(0);
    expect(shown([second!])).toEqual(['ClusterLoadAssignment +b@1 +c@1']);
    // This crossed our response on the way: only its answer counts.
    expect(server.receive(sotw(endpoint, { names: ['a'], version, nonce }))[0]?.kind).toBe('outdated');
  });

  it('records a refusal and does not repeat it', () => {
    const server = createSotwServer({ streamId: 's' });
    server.offer(snapshot('1', { [listener]: ['l@1'] }));
    server.receive(sotw(listener));
    const [push] = server.next(0);
    const error = { code: 13, message: 'no such filter' };
    const [event] = server.receive(sotw(listener, { nonce: push!.nonce, error }));
    expect(event).toMatchObject({ kind: 'refused', names: ['l'] });
    expect(server.next(0)).toEqual([]);
  });
});
