import { describe, expect, it } from 'vitest';
import { makeResourceStore } from '../store.ts';
import { openMemorySource } from './memory-source.ts';

const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

describe('a source that a program fills', () => {
  it('delivers what was put before and after it is watched, until it is closed', async () => {
    const source = openMemorySource();
    const store = makeResourceStore();
    const names = () =>
      store
        .resources()
        .list('/Namespace')
        .map(({ key }) => key.name);
    source.put('a', [namespace('a1'), namespace('a2')]);
    await source.watch((batch) => store.apply(batch));
    expect(names()).toEqual(['a1', 'a2']);
    source.put('b', [namespace('b1')]);
    source.put('a', [namespace('a2')]);
    expect(names()).toEqual(['a2', 'b1']);
    source.remove('a');
    expect(names()).toEqual(['b1']);
    await source.close();
    source.remove('b');
    expect(names()).toEqual(['b1']);
    expect(store.statuses()).toMatchObject([{ file: 'b', line: 0, state: 'ok' }]);
  });
});
