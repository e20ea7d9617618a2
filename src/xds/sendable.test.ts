import { BinaryReader } from '@bufbuild/protobuf/wire';
import { expect, it } from 'vitest';
import { typeUrls } from './resources.ts';
import { deltaChunks, deltaPieces, type Push, type Sendable, sendable, sotwPieces } from './sendable.ts';

const resources = (count: number): Sendable[] =>
  Array.from({ length: count }, (_, i) =>
    sendable(`r${i}`, `v${i}`, typeUrls.cluster, [Buffer.from(`head ${i}`), Buffer.alloc(i * 10_000, i)]),
  );
const pushOf = (count: number, more: Partial<Push> = {}): Push => ({
  typeUrl: typeUrls.cluster,
  nonce: 'a.1',
  systemVersion: '7',
  resources: resources(count),
  removed: [],
  ...more,
});
const whole = (pieces: readonly Uint8Array[]): Buffer => Buffer.concat(pieces);

/** All fields of a message, as they come, each by its number and its bytes. */
function fieldsOf(message: Uint8Array): readonly (readonly [field: number, base64: string])[] {
  const reader = new BinaryReader(message);
  const fields: [number, string][] = [];
  while (reader.pos < reader.len)
    fields.push([reader.tag()[0], Buffer.from(reader.bytes()).toString('base64')]);
  return fields;
}

/** The same where the order of different fields says nothing. */
const sorted = (message: Uint8Array) => [...fieldsOf(message)].sort(([a], [b]) => a - b);

it.each([0, 1, 4, 5, 12])('is the same response in pieces as in chunks, of %i resources', (count) => {
  for (const more of [{}, { removed: ['x', 'ä'] }, { nonce: 'n'.repeat(200) }]) {
    const push = pushOf(count, more);
    expect(sorted(whole(deltaPieces(push)))).toEqual(sorted(whole(deltaChunks(push))));
  }
});

it('says the same in state of the world, whose resources are bare', () => {
  const lists = [resources(3), resources(9)];
  const push = pushOf(0, { resources: lists.flat(), groups: lists, removed: ['x'] });
  const anys = lists.flat().map(({ any }) => [2, whole(any).toString('base64')]);
  const text = (value: string): string => Buffer.from(value).toString('base64');
  expect(sorted(whole(sotwPieces(push)))).toEqual([
    [1, text('7')],
    ...anys,
    [4, text(typeUrls.cluster)],
    [5, text('a.1')],
  ]);
});

it('is the same bytes for everyone who is sent a list', () => {
  const list = resources(12);
  for (const pieces of [deltaPieces, sotwPieces]) {
    const [a = [], b = []] = ['a.1', 'b.22'].map((nonce) => pieces(pushOf(0, { nonce, resources: list })));
    expect(a.length).toBe(b.length);
    expect(a.slice(0, -1).every((piece, i) => piece === b[i])).toBe(true);
    expect(a.at(-1)).not.toBe(b.at(-1));
  }
});
