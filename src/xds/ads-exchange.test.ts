import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDeltaClient, type DeltaClient, type DeltaUpdate } from './delta-client.ts';
import type { DeltaRequest, DeltaResponse } from './delta-messages.ts';
import { decodeDeltaRequest, decodeDeltaResponse, encodeDeltaRequest } from './delta-messages.ts';
import { createDeltaServer, type DeltaServer } from './delta-server.ts';
import { typeUrls } from './resources.ts';
import { deltaChunks, type Sendable, sendable } from './sendable.ts';
import type { Snapshot } from './served-type.ts';

// Both ends of delta ADS against each other: whatever happens on the way, the client ends with what the server has.

const { cluster, endpoint, listener, route } = typeUrls;
/** Versions that end in this are refused by the client. */
const BAD = '!';

type Contents = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Equal content is the same list, as the control plane has it. */
const lists = new Map<string, readonly Sendable[]>();

function listOf(typeUrl: string, versions: ReadonlyMap<string, string>): readonly Sendable[] {
  const key = JSON.stringify([typeUrl, ...versions]);
  const made =
    lists.get(key) ??
    [...versions].map(([name, version]) =>
      sendable(name, version, typeUrl, Buffer.from(version), typeUrl === cluster ? name : undefined),
    );
  lists.set(key, made);
  return made;
}

/** A snapshot of type to name to version; load assignments have the names of their clusters. */
function snapshotOf(contents: Contents, revision: number): Snapshot {
  const all = (typeUrl: string) => listOf(typeUrl, contents.get(typeUrl) ?? new Map());
  return {
    version: String(revision),
    all,
    named: (typeUrl, names) => all(typeUrl).filter(({ name }) => names.has(name)),
  };
}

/** A client that holds resources, follows clusters to endpoints and listeners to routes, and judges by version. */
class Holder {
  readonly client: DeltaClient = createDeltaClient({ id: 'sidecar~10.0.0.1~a.b~b.svc' });
  readonly held = new Map<string, Map<string, string>>(
    Object.values(typeUrls).map((url) => [url, new Map()]),
  );
  readonly judged: string[] = [];

  judge(update: DeltaUpdate): readonly DeltaRequest[] {
    const held = this.held.get(update.typeUrl)!;
    const refused = update.resources.filter(({ version }) => version.endsWith(BAD)).map(({ name }) => name);
    for (const { name, version } of update.resources) if (!refused.includes(name)) held.set(name, version);
    for (const name of update.removed) held.delete(name);
    this.judged.push(
      ...update.resources.map(({ name }) => `+${name}`),
      ...update.removed.map((name) => `-${name}`),
    );
    const answer =
      refused.length === 0
        ? this.client.accept(update)
        : this.client.reject(update, `cannot use ${refused.join()}`, refused);
    return [...answer, ...this.follow(update.typeUrl)];
  }

  private follow(typeUrl: string): readonly DeltaRequest[] {
    const dependent = typeUrl === cluster ? endpoint : typeUrl === listener ? route : undefined;
    if (dependent === undefined) return [];
    const wanted = [...this.held.get(typeUrl)!.keys()];
    const gone = [...this.client.subscriptions(dependent)].filter((name) => !wanted.includes(name));
    for (const name of gone) this.held.get(dependent)!.delete(name);
    return [...this.client.unsubscribe(dependent, gone), ...this.client.subscribe(dependent, wanted)];
  }
}

/** A server that lives on, and the one stream that there is at a time, with bytes under way in both directions. */
class Wire {
  readonly holder = new Holder();
  private server: DeltaServer | undefined;
  private snapshot: Snapshot;
  private streams = 0;
  private nowMs = 0;
  readonly toServer: Uint8Array[] = [];
  readonly toClient: Uint8Array[] = [];

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.holder.client.subscribe(cluster, ['*']);
    this.holder.client.subscribe(listener, ['*']);
  }

  reconnect(): void {
    this.streams += 1;
    this.toServer.length = 0;
    this.toClient.length = 0;
    if (this.server !== undefined) this.holder.client.lost();
    this.server = createDeltaServer({ streamId: `s${this.streams}` });
    this.server.offer(this.snapshot);
    this.request(this.holder.client.open());
  }

  update(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.server?.offer(snapshot);
    this.push();
  }

  /** One message in one direction; true where there was one. */
  deliverToServer(): boolean {
    const bytes = this.toServer.shift();
    if (bytes === undefined) return false;
    this.server!.receive(decodeDeltaRequest(bytes));
    this.push();
    return true;
  }

  deliverToClient(): boolean {
    const bytes = this.toClient.shift();
    if (bytes === undefined) return false;
    const response: DeltaResponse = decodeDeltaResponse(bytes);
    const update = this.holder.client.receive(response);
    if (update !== undefined) this.request(this.holder.judge(update));
    return true;
  }

  /** Delivers until nothing is under way; bounded, since a livelock would be a bug. */
  settle(): void {
    for (let i = 0; i < 10_000; i++)
      if (![this.deliverToServer(), this.deliverToClient()].includes(true)) return;
    throw new Error('the exchange does not come to rest');
  }

  advance(ms: number): void {
    this.nowMs += ms;
    this.push();
  }

  wakeAtMs(): number | undefined {
    return this.server?.wakeAtMs();
  }

  outstanding(): number {
    return [...this.server!.types().values()].filter((type) => type.outstanding !== undefined).length;
  }

  private request(requests: readonly DeltaRequest[]): void {
    this.toServer.push(...requests.map(encodeDeltaRequest));
  }

  private push(): void {
    for (const push of this.server?.next(this.nowMs) ?? [])
      this.toClient.push(Buffer.concat(deltaChunks(push)));
  }
}

const name = fc.constantFrom('a', 'b', 'c', 'd');
const version = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom('', '', '', BAD))
  .map(([n, bad]) => `v${n}${bad}`);
const versions = fc
  .uniqueArray(fc.tuple(name, version), { selector: ([key]) => key })
  .map((entries) => new Map(entries));
const contents: fc.Arbitrary<Contents> = fc
  .record({ [cluster]: versions, [endpoint]: versions, [listener]: versions, [route]: versions })
  .map((record) => new Map(Object.entries(record)));

type Step =
  | { readonly do: 'update'; readonly contents: Contents }
  | { readonly do: 'toServer' | 'toClient' | 'reconnect' | 'wait' };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: contents.map((c) => ({ do: 'update' as const, contents: c })) },
  { weight: 6, arbitrary: fc.constant({ do: 'toServer' as const }) },
  { weight: 6, arbitrary: fc.constant({ do: 'toClient' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'reconnect' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'wait' as const }) },
);

function mended(of: Contents): Contents {
  const mend = (map: ReadonlyMap<string, string>) =>
    new Map([...map].map(([key, v]) => [key, v.replace(BAD, '')]));
  return new Map([...of].map(([typeUrl, map]) => [typeUrl, mend(map)]));
}

/** What the client must hold: all clusters and listeners, the endpoints of clusters, the routes of listeners. */
function expected(of: Contents): Record<string, Record<string, string>> {
  const only = (typeUrl: string, by: string) =>
    Object.fromEntries([...of.get(typeUrl)!].filter(([key]) => of.get(by)!.has(key)).sort());
  return {
    [cluster]: only(cluster, cluster),
    [endpoint]: only(endpoint, cluster),
    [listener]: only(listener, listener),
    [route]: only(route, listener),
  };
}

function heldBy(holder: Holder): Record<string, Record<string, string>> {
  return Object.fromEntries(
    [cluster, endpoint, listener, route].map((url) => [
      url,
      Object.fromEntries([...holder.held.get(url)!].sort()),
    ]),
  );
}

describe('both ends of delta ADS', () => {
  it('end with the client holding what the server has, whatever happens on the way', () => {
    fc.assert(
      fc.property(contents, fc.array(step, { maxLength: 60 }), contents, (first, steps, last) => {
        let revision = 0;
        const wire = new Wire(snapshotOf(first, revision));
        wire.reconnect();
        for (const one of steps) {
          if (one.do === 'update') wire.update(snapshotOf(one.contents, ++revision));
          else if (one.do === 'toServer') wire.deliverToServer();
          else if (one.do === 'toClient') wire.deliverToClient();
          else if (one.do === 'wait') wire.advance(6000);
          else wire.reconnect();
          expect(wire.toClient.length).toBeLessThanOrEqual(4);
        }
        const final = mended(last);
        wire.update(snapshotOf(final, ++revision));
        wire.settle();
        expect(heldBy(wire.holder)).toEqual(expected(final));
        for (const url of [cluster, endpoint, listener, route]) {
          expect(Object.fromEntries(wire.holder.client.versions(url))).toEqual(heldBy(wire.holder)[url]);
        }
        expect(wire.outstanding()).toBe(0);
        expect(wire.wakeAtMs()).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('send nothing again on a new stream when nothing changed', () => {
    fc.assert(
      fc.property(contents, (any) => {
        const wire = new Wire(snapshotOf(mended(any), 1));
        wire.reconnect();
        wire.settle();
        wire.holder.judged.length = 0;
        wire.reconnect();
        wire.settle();
        // Only that names asked for do not exist is said again.
        expect(wire.holder.judged.filter((entry) => entry.startsWith('+'))).toEqual([]);
        expect(heldBy(wire.holder)).toEqual(expected(mended(any)));
      }),
    );
  });

  it('send what changed while there was no stream, and nothing else', () => {
    const at = (b: string, withC: boolean): Contents =>
      new Map([
        [cluster, new Map([['a', '1'], ['b', b], ...(withC ? ([['c', '1']] as const) : [])])],
        [listener, new Map()],
        [endpoint, new Map()],
        [route, new Map()],
      ]);
    const wire = new Wire(snapshotOf(at('1', true), 1));
    wire.reconnect();
    wire.settle();
    wire.holder.judged.length = 0;
    wire.update(snapshotOf(at('2', false), 2));
    wire.reconnect();
    wire.settle();
    expect(wire.holder.judged.filter((entry) => entry !== '-a' && entry !== '-b').sort()).toEqual([
      '+b',
      '-c',
    ]);
  });
});
