import { array, assert, constantFrom, integer, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamSlots } from './stream-slots.ts';
import { type StreamOwner, StreamState } from './stream-state.ts';

const owner = {} as StreamOwner;
const streamOf = (id: number): StreamState => new StreamState(id, owner, 0, 0, false);

describe('open streams by id', () => {
  it('are those of a Map, in whatever order they come and go, in clusters of ids too', () => {
    // Ids that share slots of small tables, of both sides, and the largest there is.
    const id = tuple(integer({ min: 1, max: 40 }), constantFrom(0, 64, 4096, 2 ** 31 - 64)).map(
      ([n, far]) => n + far,
    );
    assert(
      property(array(tuple(id, constantFrom('add', 'add', 'remove')), { maxLength: 200 }), (steps) => {
        const slots = new StreamSlots();
        const map = new Map<number, StreamState>();
        for (const [id, step] of steps) {
          const known = map.get(id);
          expect(slots.get(id)).toBe(known);
          if (step === 'remove') {
            expect(slots.remove(known ?? streamOf(id))).toBe(map.delete(id));
          } else if (known === undefined) {
            const stream = streamOf(id);
            slots.add(stream);
            map.set(id, stream);
          }
          expect(slots.size).toBe(map.size);
        }
        expect(new Set(slots.all())).toEqual(new Set(map.values()));
        for (const [id, stream] of map) expect(slots.get(id)).toBe(stream);
      }),
    );
  });

  it('another stream of the same id is not taken out', () => {
    const slots = new StreamSlots();
    const stream = streamOf(5);
    slots.add(stream);
    expect(slots.remove(streamOf(5))).toBe(false);
    expect(slots.get(5)).toBe(stream);
  });
});
