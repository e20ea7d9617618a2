import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeHeaders } from '../../control/explain/http/change-headers.ts';
import type { Leaf } from '../../control/explain/http/leaf.ts';
import {
  applyOperations,
  joinOperations,
  readHeaderOperations,
} from '../../proxy/stream/header-operations.ts';

// Headers are pairs in an explanation and flat in the proxy: here both are asked alike. All else is the same code.

const refuse = (field: string, message: string): never => {
  throw new Error(`${field} ${message}`);
};
describe('an explanation does as the proxy does', () => {
  it('with headers', () => {
    const name = fc.constantFrom('x-a', 'X-B', 'x-c');
    const value = fc.constantFrom('1', '', '100%%');
    const addition = fc.record({
      header: fc.record({ key: name, value }),
      append_action: fc.constantFrom(
        'APPEND_IF_EXISTS_OR_ADD',
        'ADD_IF_ABSENT',
        'OVERWRITE_IF_EXISTS_OR_ADD',
        'OVERWRITE_IF_EXISTS',
      ),
      keep_empty_value: fc.boolean(),
    });
    const level = fc.record({
      request_headers_to_add: fc.array(addition, { maxLength: 3 }),
      request_headers_to_remove: fc.array(name, { maxLength: 2 }),
    });
    const sent = fc.array(fc.tuple(fc.constantFrom('x-a', 'x-b', 'x-d'), fc.constantFrom('0', '9')), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.array(level, { maxLength: 3 }), sent, (levels, headers) => {
        const proxy = headers.flat();
        const operations = joinOperations(
          levels.map((one) =>
            readHeaderOperations(
              one.request_headers_to_add as never,
              one.request_headers_to_remove,
              'request',
              refuse,
              '',
            ),
          ),
        );
        applyOperations(operations ?? [], proxy, {} as never);
        const leaf = { levels, generalFirst: false } as unknown as Leaf;
        const own = changeHeaders(headers, leaf, 'request', {} as never);
        expect(joined(own.flat())).toEqual(joined(proxy));
      }),
    );
  });
});

/** Names in lower case with all their values in order: the order of different names says nothing. */
function joined(flat: readonly string[]): Readonly<Record<string, string>> {
  const all: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) {
    const name = (flat[i] as string).toLowerCase();
    all[name] = Object.hasOwn(all, name) ? `${all[name]},${flat[i + 1]}` : (flat[i + 1] as string);
  }
  return all;
}
