import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DeltaRequest } from './delta-messages.ts';
import { createDeltaServer } from './delta-server.ts';
import { typeUrls } from './resources.ts';
import { type Sendable, sendable } from './sendable.ts';
import type { Snapshot } from './served-type.ts';

// A client that holds whole lists is kept by reference to them. Whatever happens, that must be told apart by nobody.

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const { cluster, endpoint } = typeUrls;

const contents = fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom('1', '2'));
const some = fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 3 });
const event = fc.oneof(
  fc.record({ kind: fc.constant('offer' as const), shared: contents, own: contents, endpoints: contents }),
  fc.record({ kind: fc.constant('subscribe' as const), add: some, drop: some }),
  fc.record({ kind: fc.constant('answer' as const), refuse: fc.boolean() }),
);

function listOf(typeUrl: string, of: Readonly<Record<string, string>>, prefix: string): readonly Sendable[] {
  return Object.entries(of).map(([name, version]) => {
    const full = prefix + name;
    const names = typeUrl === cluster ? full : undefined;
    return sendable(full, version, typeUrl, Buffer.from(version), names);
  });
}

function request(typeUrl: string, fields: Partial<DeltaRequest> = {}): DeltaRequest {
  return { typeUrl, subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '', ...fields };
}

it('gives a client all it is to have and takes away all else, whatever it asks for and answers in between', () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 3, maxLength: 20 }), (events) => {
      const server = createDeltaServer({ streamId: 's' });
      const client = new Map<string, Map<string, string>>([
        [cluster, new Map()],
        [endpoint, new Map()],
      ]);
      const asked = new Set<string>(['a']);
      let wanted: Record<string, readonly Sendable[]> = { [cluster]: [], [endpoint]: [] };
      let refuses = false;
      let nowMs = 0;
      const pump = (): void => {
        for (let rounds = 0; rounds < 50; rounds++) {
          nowMs += 10_000; // nothing is kept back for longer
          const pushes = server.next(nowMs);
          if (pushes.length === 0) return;
          for (const { typeUrl, nonce, resources, removed } of pushes) {
            const held = client.get(typeUrl)!;
            for (const { name, version } of resources) held.set(name, version);
            for (const name of removed) held.delete(name);
            const error = refuses ? { error: { code: 3, message: 'no' } } : {};
            server.receive(request(typeUrl, { nonce, ...error }));
          }
        }
        throw new Error('never quiet');
      };
      server.receive(request(cluster));
      server.receive(request(endpoint, { subscribe: [...asked] }));
      for (const one of events) {
        if (one.kind === 'offer') {
          const parts = [listOf(cluster, one.shared, 's-'), listOf(cluster, one.own, 'o-')];
          const assignments = listOf(endpoint, one.endpoints, '');
          wanted = { [cluster]: parts.flat(), [endpoint]: assignments };
          const snapshot: Snapshot = {
            version: '1',
            all: (typeUrl) => wanted[typeUrl] ?? [],
            parts: (typeUrl) => (typeUrl === cluster ? parts : [assignments]),
            named: (_, names) => assignments.filter(({ name }) => names.has(name)),
          };
          server.offer(snapshot);
        } else if (one.kind === 'subscribe') {
          const add = one.add.filter((name) => !asked.has(name));
          const drop = one.drop.filter((name) => asked.has(name));
          for (const name of add) asked.add(name);
          for (const name of drop) asked.delete(name);
          for (const name of drop) client.get(endpoint)!.delete(name);
          server.receive(request(endpoint, { subscribe: add, unsubscribe: drop }));
        } else refuses = one.refuse;
        pump();
        const shown = (list: readonly Sendable[]) =>
          Object.fromEntries(list.map(({ name, version }) => [name, version]));
        expect(Object.fromEntries(client.get(cluster)!)).toEqual(shown(wanted[cluster]!));
        const named = wanted[endpoint]!.filter(({ name }) => asked.has(name));
        expect(Object.fromEntries(client.get(endpoint)!)).toEqual(shown(named));
        expect(server.types().get(cluster)!.sent.count()).toBe(wanted[cluster]!.length);
        // What it was told is gone, and has since been sent, is held.
        const { sent } = server.types().get(endpoint)!;
        expect(named.map(({ name }) => sent.get(name)?.version)).toEqual(named.map(({ version }) => version));
      }
    }),
    { numRuns: 300 },
  );
});
