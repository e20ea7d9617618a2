import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDeltaClient, type DeltaClient } from '../xds/delta-client.ts';
import {
  type DeltaRequest,
  decodeDeltaRequest,
  decodeDeltaResponse,
  encodeDeltaRequest,
} from '../xds/delta-messages.ts';
import { createDeltaServer, type DeltaServer } from '../xds/delta-server.ts';
import { ON_DEMAND, ON_DEMAND_ENVOY } from '../xds/names.ts';
import { type Node, typeUrls } from '../xds/resources.ts';
import { deltaChunks, type Sendable, sendable } from '../xds/sendable.ts';
import type { Snapshot } from '../xds/served-type.ts';
import { createHeld, type Held } from './held.ts';
import { createRelay, type Relay, type RelayOutput } from './relay.ts';

// A control plane, the relay and an Envoy in one thread, with every message under way in a queue of its own.

const { cluster, endpoint, secret } = typeUrls;
const node = { id: 'sidecar~10.0.0.1~web-1.default~default.svc.cluster.local' };
const BAD = '!';

type Contents = Readonly<Record<string, Readonly<Record<string, string>>>>;

function snapshotOf(contents: Contents): Snapshot {
  const made = new Map(
    Object.entries(contents).map(([typeUrl, versions]) => [
      typeUrl,
      Object.entries(versions).map(([name, version]) =>
        sendable(name, version, typeUrl, Buffer.from(version), typeUrl === cluster ? name : undefined),
      ),
    ]),
  );
  const all = (typeUrl: string): readonly Sendable[] => made.get(typeUrl) ?? [];
  return {
    version: '1',
    // Clusters of services are for who asks for them by name, as on demand.
    all: (typeUrl) => all(typeUrl).filter(({ name }) => !name.startsWith('outbound|')),
    named: (typeUrl, names) => all(typeUrl).filter(({ name }) => names.has(name)),
  };
}

class World {
  node: Node = node;
  readonly held: Held;
  readonly own = new Map<string, Sendable>();
  envoy: DeltaClient = createDeltaClient(node);
  /** What the Envoy uses. */
  uses = new Map<string, Map<string, string>>();
  refusals: string[] = [];
  private relay: Relay | undefined;
  private server: DeltaServer | undefined;
  private contents: Contents;
  private streams = 0;
  readonly queues = {
    envoyToRelay: [] as Uint8Array[],
    relayToEnvoy: [] as Uint8Array[],
    relayToControl: [] as Uint8Array[],
    controlToRelay: [] as Uint8Array[],
  };

  constructor(contents: Contents, held: Held = createHeld()) {
    this.contents = contents;
    this.held = held;
  }

  /** A new Envoy, with nothing. */
  startEnvoy(subscribe: Readonly<Record<string, readonly string[]>> = { [cluster]: ['*'] }): void {
    this.envoy = createDeltaClient(this.node);
    this.uses = new Map();
    for (const [typeUrl, names] of Object.entries(subscribe)) this.envoy.subscribe(typeUrl, names);
    this.connectEnvoy();
  }

  /** The Envoy's stream is new; what it holds it keeps. */
  connectEnvoy(): void {
    this.streams += 1;
    this.envoy.lost();
    this.stopControl();
    this.queues.envoyToRelay.length = 0;
    this.queues.relayToEnvoy.length = 0;
    const own = new Map(['default', 'ROOTCA'].map((name) => [name, () => this.own.get(name)] as const));
    this.relay = createRelay({ streamId: `r${this.streams}`, node: this.node, held: this.held, own });
    this.fromEnvoy(this.envoy.open());
  }

  startControl(): void {
    this.queues.relayToControl.length = 0;
    this.queues.controlToRelay.length = 0;
    this.streams += 1;
    this.server = createDeltaServer({ streamId: `c${this.streams}` });
    this.server.offer(snapshotOf(this.contents));
    this.take(this.relay!.controlOpened(0));
  }

  stopControl(): void {
    this.server = undefined;
    this.queues.relayToControl.length = 0;
    this.queues.controlToRelay.length = 0;
    if (this.relay !== undefined) this.take(this.relay.controlLost(0));
  }

  endPatience(): void {
    this.take(this.relay!.patienceEnded(0));
  }

  issue(name: string, version: string): void {
    this.own.set(name, sendable(name, version, secret, Buffer.from(version)));
    this.take(this.relay!.ownChanged(0));
  }

  change(contents: Contents): void {
    this.contents = contents;
    this.server?.offer(snapshotOf(contents));
    this.push();
  }

  /** Delivers the oldest message of one queue; true where there was one. */
  deliver(queue: keyof World['queues']): boolean {
    const bytes = this.queues[queue].shift();
    if (bytes === undefined) return false;
    if (queue === 'envoyToRelay') this.take(this.relay!.envoyAsks(decodeDeltaRequest(bytes), 0));
    else if (queue === 'controlToRelay') this.take(this.relay!.controlAnswers(decodeDeltaResponse(bytes), 0));
    else if (queue === 'relayToControl') {
      this.server?.receive(decodeDeltaRequest(bytes)).forEach((event) => {
        if (event.kind === 'refused') this.refusals.push(`${event.names.join()}: ${event.error.message}`);
      });
      this.push();
    } else this.judge(bytes);
    return true;
  }

  settle(): void {
    const names = Object.keys(this.queues) as (keyof World['queues'])[];
    for (let i = 0; i < 10_000; i++) if (!names.map((name) => this.deliver(name)).includes(true)) return;
    throw new Error('the relay does not come to rest');
  }

  used(): Contents {
    return Object.fromEntries(
      [...this.uses].map(([typeUrl, versions]) => [typeUrl, Object.fromEntries(versions)]),
    );
  }

  private judge(bytes: Uint8Array): void {
    const update = this.envoy.receive(decodeDeltaResponse(bytes));
    if (update === undefined) return;
    const used = this.uses.get(update.typeUrl) ?? new Map<string, string>();
    this.uses.set(update.typeUrl, used);
    const refused = update.resources.filter(({ version }) => version.endsWith(BAD)).map(({ name }) => name);
    for (const { name, version } of update.resources) if (!refused.includes(name)) used.set(name, version);
    for (const name of update.removed) used.delete(name);
    const reason = `cannot use ${refused.join()}`;
    this.fromEnvoy(
      refused.length === 0 ? this.envoy.accept(update) : this.envoy.reject(update, reason, refused),
    );
    if (update.typeUrl !== cluster) return;
    const gone = [...this.envoy.subscriptions(endpoint)].filter((name) => !used.has(name));
    for (const name of gone) this.uses.get(endpoint)?.delete(name);
    this.fromEnvoy(this.envoy.unsubscribe(endpoint, gone));
    this.fromEnvoy(this.envoy.subscribe(endpoint, [...used.keys()]));
  }

  private fromEnvoy(requests: readonly DeltaRequest[]): void {
    this.queues.envoyToRelay.push(...requests.map(encodeDeltaRequest));
  }

  private take({ toEnvoy, toControl }: RelayOutput): void {
    for (const push of toEnvoy) this.queues.relayToEnvoy.push(Buffer.concat(deltaChunks(push)));
    if (this.server !== undefined) this.queues.relayToControl.push(...toControl.map(encodeDeltaRequest));
  }

  private push(): void {
    for (const push of this.server?.next(0) ?? []) {
      this.queues.controlToRelay.push(Buffer.concat(deltaChunks(push)));
    }
  }
}

const two: Contents = { [cluster]: { a: '1', b: '1' }, [endpoint]: { a: '1', b: '1' } };

/** An Envoy that is in sync with a control plane. */
function synced(contents: Contents): World {
  const world = new World(contents);
  world.startEnvoy();
  world.startControl();
  world.settle();
  return world;
}

describe('the relay', () => {
  it('serves what was used last when the control plane is away, and only what changed when it is back', () => {
    const world = synced(two);
    expect(world.used()).toEqual(two);
    world.startEnvoy();
    world.stopControl();
    world.settle();
    expect(world.used()).toEqual(two);
    world.change({ [cluster]: { a: '1', b: '2' }, [endpoint]: { a: '1', b: '1' } });
    world.startControl();
    world.settle();
    expect(world.used()).toEqual({ [cluster]: { a: '1', b: '2' }, [endpoint]: { a: '1', b: '1' } });
  });

  it('waits for the control plane while that may answer, and not for ever', () => {
    const world = new World(two, synced({ [cluster]: { a: 'old' }, [endpoint]: { a: 'old' } }).held);
    world.startEnvoy();
    world.deliver('envoyToRelay');
    expect(world.queues.relayToEnvoy).toEqual([]);
    world.endPatience();
    world.settle();
    expect(world.used()).toEqual({ [cluster]: { a: 'old' }, [endpoint]: { a: 'old' } });
  });

  it('keeps what an Envoy on demand had asked for, over a restart of the Envoy and while the control plane is away', () => {
    const asked = 'outbound|80||web.default.svc.cluster.local';
    const contents = { [cluster]: { a: '1', [asked]: '1' } };
    const world = new World(contents);
    world.node = { ...node, metadata: { [ON_DEMAND]: ON_DEMAND_ENVOY } };
    world.startEnvoy({ [cluster]: ['*', asked] });
    world.startControl();
    world.settle();
    world.startEnvoy({ [cluster]: ['*'] });
    world.endPatience();
    world.settle();
    expect(world.used()[cluster]).toEqual(contents[cluster]);
    world.startControl();
    world.settle();
    expect(world.used()[cluster]).toEqual(contents[cluster]);
    world.change({ [cluster]: { a: '2' } });
    world.settle();
    expect(world.used()[cluster]).toEqual({ a: '2' });
  });

  it('takes nothing from an Envoy that holds more than the agent knows', () => {
    const world = synced(two);
    for (const name of ['a', 'b']) world.held.drop(cluster, name);
    world.connectEnvoy();
    world.stopControl();
    world.settle();
    expect(world.used()).toEqual(two);
    const forgetful = new World(two);
    forgetful.envoy = world.envoy;
    forgetful.uses = world.uses;
    forgetful.connectEnvoy();
    forgetful.stopControl();
    forgetful.settle();
    expect(forgetful.used()).toEqual(two);
  });

  it('hands a refusal up with its words, keeps the rest, and offers the last good version to the next Envoy', () => {
    const world = synced(two);
    world.change({ ...two, [cluster]: { a: `2${BAD}`, b: '2' } });
    world.settle();
    expect(world.refusals).toEqual(['a: cannot use a']);
    expect(world.used()[cluster]).toEqual({ a: '1', b: '2' });
    world.startEnvoy();
    world.stopControl();
    world.settle();
    expect(world.used()[cluster]).toEqual({ a: '1', b: '2' });
  });

  it('answers for its own secrets, when they are there, and asks the control plane for others only', () => {
    const world = new World({ [secret]: { default: 'not yours', 'kubernetes://web': '1' } });
    world.startEnvoy({ [secret]: ['default', 'ROOTCA', 'kubernetes://web'] });
    world.startControl();
    world.settle();
    expect(world.used()).toEqual({ [secret]: { 'kubernetes://web': '1' } });
    world.issue('default', 'first');
    world.issue('ROOTCA', 'roots');
    world.settle();
    expect(world.used()[secret]).toEqual({ 'kubernetes://web': '1', default: 'first', ROOTCA: 'roots' });
    world.stopControl();
    world.issue('default', 'second');
    world.settle();
    expect(world.used()[secret]).toMatchObject({ default: 'second' });
    expect([...world.held.of(secret).keys()]).toEqual(['kubernetes://web']);
  });

  it('passes on endpoints that are sent again for a changed cluster, though they did not change', () => {
    const world = synced(two);
    let again = 0;
    const accept = world.envoy.accept.bind(world.envoy);
    world.envoy.accept = (update) => {
      if (update.typeUrl === endpoint) again += update.resources.length;
      return accept(update);
    };
    world.change({ ...two, [cluster]: { a: '2', b: '1' } });
    world.settle();
    expect(again).toBe(1);
  });

  const name = fc.constantFrom('a', 'b', 'c');
  const version = fc.constantFrom('1', '2', '3', `4${BAD}`);
  const versions = fc.dictionary(name, version, { maxKeys: 3 });
  const anyContents = fc.record({ [cluster]: versions, [endpoint]: versions });
  const queue = fc.constantFrom<keyof World['queues']>(
    'envoyToRelay',
    'relayToEnvoy',
    'relayToControl',
    'controlToRelay',
  );
  type Step =
    | { readonly do: 'deliver'; readonly queue: keyof World['queues'] }
    | { readonly do: 'change'; readonly contents: Contents }
    | { readonly do: 'startEnvoy' | 'connectEnvoy' | 'startControl' | 'stopControl' | 'endPatience' };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 12, arbitrary: queue.map((q) => ({ do: 'deliver' as const, queue: q })) },
    { weight: 3, arbitrary: anyContents.map((contents) => ({ do: 'change' as const, contents })) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom('startEnvoy', 'connectEnvoy', 'startControl', 'stopControl', 'endPatience')
        .map((what) => ({ do: what }) as Step),
    },
  );

  it('brings the Envoy to what the control plane has, whatever happened before', () => {
    fc.assert(
      fc.property(anyContents, fc.array(step, { maxLength: 80 }), anyContents, (first, steps, last) => {
        const world = new World(first);
        world.startEnvoy();
        for (const one of steps) {
          if (one.do === 'deliver') world.deliver(one.queue);
          else if (one.do === 'change') world.change(one.contents);
          else world[one.do]();
        }
        const good = JSON.parse(JSON.stringify(last).replaceAll(BAD, '')) as Record<
          string,
          Record<string, string>
        >;
        world.change(good);
        world.startControl();
        world.settle();
        const used = world.used();
        expect(used[cluster] ?? {}).toEqual(good[cluster]);
        const endpoints = Object.entries(good[endpoint]!).filter(([key]) => key in good[cluster]!);
        expect(used[endpoint] ?? {}).toEqual(Object.fromEntries(endpoints));
        // And from what it holds now a new Envoy starts by itself.
        world.startEnvoy();
        world.stopControl();
        world.settle();
        expect(world.used()[cluster] ?? {}).toEqual(good[cluster]);
        expect(world.used()[endpoint] ?? {}).toEqual(Object.fromEntries(endpoints));
      }),
      { numRuns: 400 },
    );
  });
});
