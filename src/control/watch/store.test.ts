import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDocuments } from './files/documents.ts';
import { allResources } from './live-resources.ts';
import type { Change } from './source.ts';
import { makeResourceStore, type ResourceStore } from './store.ts';

const rule = (name: string, host = 'reviews', extra = ''): string => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${name}}
spec: {host: ${host}${extra}}
`;
const file = (origin: string, ...texts: string[]): Change => ({
  type: 'put',
  origin,
  ...parseDocuments(texts.join('---\n'), origin),
});
const live = (store: ResourceStore): string[] =>
  store
    .resources()
    .list('networking.istio.io/DestinationRule')
    .map(({ key, object }) => `${key.name}=${object.spec.host}`);
const states = (store: ResourceStore): string[] =>
  store
    .statuses()
    .map(({ key, file: place, line, state }) => `${key?.name ?? '?'} ${place}:${line} ${state}`);

describe('resource store', () => {
  it('has what files hold, typed, by kind and name', () => {
    const store = makeResourceStore();
    store.apply([file('a.yaml', rule('b'), rule('a'))]);
    expect(live(store)).toEqual(['a=reviews', 'b=reviews']);
    expect(
      store.resources().get('networking.istio.io/DestinationRule', 'default', 'b')?.provenance.line,
    ).toBe(1);
    expect(states(store)).toEqual(['b a.yaml:1 ok', 'a a.yaml:6 ok']);
  });

  it('keeps the last good version of an object that is made invalid, and says where it is broken', () => {
    const store = makeResourceStore();
    store.apply([file('a.yaml', rule('a'), rule('b'))]);
    store.apply([file('a.yaml', rule('a', 'ratings', ', trafficPolcy: {}'), rule('b', 'details'))]);
    expect(live(store)).toEqual(['a=reviews', 'b=details']);
    expect(states(store)).toEqual(['a a.yaml:1 stale', 'b a.yaml:6 ok']);
    expect(store.statuses()[0]?.errors).toEqual([
      {
        field: 'spec.trafficPolcy',
        message: 'there is no field "trafficPolcy" here; did you mean trafficPolicy?',
      },
    ]);
  });

  it('has nothing of an object that was never valid', () => {
    const store = makeResourceStore();
    store.apply([file('a.yaml', rule('a', '"a b"'))]);
    expect(live(store)).toEqual([]);
    expect(states(store)).toEqual(['a a.yaml:1 invalid']);
  });

  it('keeps all objects of a file that cannot be read, and takes the sound ones in', () => {
    const store = makeResourceStore();
    store.apply([file('a.yaml', rule('a'), rule('b'))]);
    store.apply([file('a.yaml', 'spec: [1\n', rule('b', 'details'))]);
    expect(live(store)).toEqual(['a=reviews', 'b=details']);
    expect(states(store)).toEqual(['a a.yaml:1 stale', '? a.yaml:2 invalid', 'b a.yaml:3 ok']);
    store.apply([file('a.yaml', rule('b', 'details'))]);
    expect(live(store)).toEqual(['b=details']);
  });

  it('deletes what is deleted from a well-formed file, and with the file', () => {
    const store = makeResourceStore();
    store.apply([file('a.yaml', rule('a'), rule('b')), file('c.yaml', rule('c'))]);
    store.apply([file('a.yaml', rule('b')), { type: 'delete', origin: 'c.yaml' }]);
    expect(live(store)).toEqual(['b=reviews']);
    expect(states(store)).toEqual(['b a.yaml:1 ok']);
  });

  it('does not take a misspelled kind or name for a deletion', () => {
    const store = makeResourceStore();
    store.apply([file('a.yaml', rule('a'), rule('b'))]);
    store.apply([file('a.yaml', rule('a').replace('DestinationRule', 'DestinatonRule'), rule('b'))]);
    expect(live(store)).toEqual(['a=reviews', 'b=reviews']);
    store.apply([file('a.yaml', rule('A'), rule('b'))]);
    expect(live(store)).toEqual(['a=reviews', 'b=reviews']);
    store.apply([file('a.yaml', rule('c'), rule('b'))]);
    expect(live(store)).toEqual(['b=reviews', 'c=reviews']);
  });

  it('deletes although another document of the file is broken since long', () => {
    const store = makeResourceStore();
    store.apply([file('a.yaml', rule('a'), rule('b', '"x y"'))]);
    store.apply([file('a.yaml', rule('b', '"x y"'))]);
    expect(live(store)).toEqual([]);
  });

  it('lets the first of two objects of one name count, and reports the second with both places', () => {
    const store = makeResourceStore();
    store.apply([file('a.yaml', rule('a', 'one'))]);
    store.apply([file('b.yaml', rule('x'), rule('a', 'two'))]);
    expect(live(store)).toEqual(['a=one', 'x=reviews']);
    expect(states(store)).toEqual(['a a.yaml:1 ok', 'x b.yaml:1 ok', 'a b.yaml:6 invalid']);
    expect(store.statuses()[2]?.errors[0]?.message).toContain('already defined in a.yaml:1');
    expect(store.refused().map(({ file: place, line }) => `${place}:${line}`)).toEqual(['b.yaml:6']);
    store.apply([file('a.yaml', rule('y'), rule('a', 'one'))]);
    expect(store.statuses()[3]?.errors[0]?.message).toContain('already defined in a.yaml:6');
    store.apply([{ type: 'delete', origin: 'a.yaml' }]);
    expect(live(store)).toEqual(['a=two', 'x=reviews']);
    expect(states(store)).toEqual(['x b.yaml:1 ok', 'a b.yaml:6 ok']);
    expect(store.refused()).toEqual([]);
  });

  it('takes both versions of a kind for one object, and moves it between files', () => {
    const store = makeResourceStore();
    store.apply([file('a.yaml', rule('a'))]);
    store.apply([
      { type: 'delete', origin: 'a.yaml' },
      file('b.yaml', rule('a', 'other').replace('/v1', '/v1beta1')),
    ]);
    expect(live(store)).toEqual(['a=other']);
  });

  it('gives what did not change as the same resource, and the same list', () => {
    const store = makeResourceStore();
    store.apply([
      file('a.yaml', rule('a'), rule('b')),
      file('s.yaml', 'apiVersion: v1\nkind: Service\nmetadata: {name: s}\n'),
    ]);
    const before = store.resources();
    store.apply([file('a.yaml', rule('a'), rule('b', 'details'))]);
    const after = store.resources();
    expect(after.revision).toBe(before.revision + 1);
    expect(after.list('/Service')).toBe(before.list('/Service'));
    expect(after.list('networking.istio.io/DestinationRule')[0]).toBe(
      before.list('networking.istio.io/DestinationRule')[0],
    );
    store.apply([file('a.yaml', `# moved\n${rule('a')}`, rule('b', 'details'))]);
    const moved = store.resources().list('networking.istio.io/DestinationRule')[0];
    expect(moved?.object).toBe(after.list('networking.istio.io/DestinationRule')[0]?.object);
    expect(moved?.provenance.line).toBe(2);
  });

  it('tells listeners once per batch, and not after they left', () => {
    const store = makeResourceStore();
    const heard: number[] = [];
    const leave = store.subscribe((resources) => heard.push(resources.revision));
    store.apply([file('a.yaml', rule('a')), file('b.yaml', rule('b'))]);
    leave();
    store.apply([file('a.yaml', rule('c'))]);
    expect(heard).toEqual([1]);
  });

  it('says of an object of a foreign kind that it is not read', () => {
    const store = makeResourceStore();
    store.apply([file('a.yaml', 'apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: c}\n')]);
    expect(store.statuses()).toMatchObject([{ state: 'ok', warnings: [{ field: 'kind' }] }]);
    expect(allResources(store.resources())).toEqual([]);
  });

  it('ends in the same objects after any edits as when the files are read anew', () => {
    const good = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      host: fc.constantFrom('x', 'y', 'z'),
    });
    const bad = fc.constantFrom('spec: [', 'kind: Nothing\n', '- 1\n', rule('e', '"?"'), rule('E'));
    const content = fc.array(
      fc.oneof(
        good.map(({ name, host }) => rule(name, host)),
        bad,
      ),
      { maxLength: 4 },
    );
    const edit = fc.record({ file: fc.constantFrom('1.yaml', '2.yaml'), content: fc.option(content) });
    const finalFiles = fc.uniqueArray(good, { selector: ({ name }) => name, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 12 }), finalFiles, fc.nat(4), (edits, objects, cut) => {
        const texts = objects.map(({ name, host }) => rule(name, host));
        const last = [file('1.yaml', ...texts.slice(0, cut)), file('2.yaml', ...texts.slice(cut))];
        const edited = makeResourceStore();
        for (const { file: name, content: now } of edits)
          edited.apply([now === null ? { type: 'delete', origin: name } : file(name, ...now)]);
        for (const change of last) edited.apply([change]);
        const fresh = makeResourceStore();
        fresh.apply(last);
        expect(live(edited)).toEqual(live(fresh));
        expect(states(edited)).toEqual(states(fresh));
      }),
      { numRuns: 300 },
    );
  });
});
