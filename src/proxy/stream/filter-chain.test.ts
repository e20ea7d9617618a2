import { describe, expect, it } from 'vitest';
import { compileChain, continueChain } from './filter-chain.ts';
import type { ConfiguredFilter, FilterStream } from './http-filter.ts';
import { NO_ROUTE } from './replies.ts';
import type { RouteLeaf } from './route-table.ts';

const stream = {} as FilterStream;

/** A chain whose filters write down what they do, and where. */
function configure(names: readonly string[]) {
  const done: string[] = [];
  const filters = names.map(
    (name): ConfiguredFilter => ({
      name,
      forRoute: (_, leaf) => ({
        requestHeaders: () => void done.push(`${name} ${leaf.route}`),
        responseHeaders: () => void done.push(`back ${name} ${leaf.route}`),
        close: () => void done.push(`close ${name} ${leaf.route}`),
      }),
    }),
  );
  return { filters, done };
}

const leaf = (route: string, ...disabled: string[]): RouteLeaf => ({
  ...NO_ROUTE,
  route,
  disabledFilters: new Set(disabled),
});

describe('a chain whose stream gets another route', () => {
  it('keeps the filters that have run, and takes those that come from the new route', () => {
    const { filters, done } = configure(['a', 'b', 'c', 'd']);
    const begun = compileChain(filters, leaf('old', 'a'));
    const next = compileChain(filters, leaf('new', 'b', 'c'));
    const chain = continueChain(begun, next, 1);
    expect(chain.places.requestHeaders).toEqual([1, 3]);
    for (const hook of chain.requestHeaders) hook(stream);
    for (const hook of chain.responseHeaders) hook(stream);
    for (const close of chain.close) close(stream);
    expect(done).toEqual(['b old', 'd new', 'back d new', 'back b old', 'close b old', 'close d new']);
  });

  it('is made once for a pair of routes and a place', () => {
    const { filters } = configure(['a', 'b']);
    const begun = compileChain(filters, leaf('old'));
    const next = compileChain(filters, leaf('new'));
    expect(continueChain(begun, next, 0)).toBe(continueChain(begun, next, 0));
    expect(continueChain(begun, next, 0)).not.toBe(continueChain(begun, next, 1));
  });
});
