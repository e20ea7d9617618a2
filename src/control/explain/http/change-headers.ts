import type { VirtualHost } from '../../../xds/resources.ts';
import { formatValue, type ValueFacts } from './format-value.ts';
import type { Leaf } from './leaf.ts';
import { type Headers, headerOf, withHeader, withoutHeader } from './request.ts';

type Additions = NonNullable<VirtualHost['request_headers_to_add']>;

/** Headers as a route changes them, at all its levels: removals, then additions. */
export function changeHeaders(
  headers: Headers,
  leaf: Leaf,
  side: 'request' | 'response',
  facts: ValueFacts,
): Headers {
  const levels = leaf.generalFirst ? leaf.levels.toReversed() : leaf.levels;
  let changed = headers;
  for (const level of levels) {
    for (const name of level[`${side}_headers_to_remove`] ?? [])
      changed = withoutHeader(changed, name.toLowerCase());
    for (const addition of level[`${side}_headers_to_add`] ?? []) changed = add(changed, addition, facts);
  }
  return changed;
}

function add(headers: Headers, addition: Additions[number], facts: ValueFacts): Headers {
  const { header = {}, append, append_action, keep_empty_value = false } = addition;
  const name = (header.key ?? '').toLowerCase();
  const value = formatValue(
    header.value ?? (header.raw_value === undefined ? '' : atob(header.raw_value)),
    facts,
  );
  if (value === '' && !keep_empty_value) return headers;
  const action =
    append_action ?? (append === false ? 'OVERWRITE_IF_EXISTS_OR_ADD' : 'APPEND_IF_EXISTS_OR_ADD');
  const present = headerOf(headers, name) !== undefined;
  if (action === 'APPEND_IF_EXISTS_OR_ADD') return [...headers, [name, value]];
  if (!present) return action === 'OVERWRITE_IF_EXISTS' ? headers : [...headers, [name, value]];
  return action === 'ADD_IF_ABSENT' ? headers : withHeader(headers, name, value);
}

/** What changes of headers do, in words; '' for nothing. */
export function changesText(leaf: Leaf, side: 'request' | 'response'): string {
  const removed = leaf.levels.flatMap((level) => level[`${side}_headers_to_remove`] ?? []);
  const added = leaf.levels.flatMap((level) => level[`${side}_headers_to_add`] ?? []);
  return [
    ...removed.map((name) => `without ${name}`),
    ...added.map(({ header = {} }) => `with ${header.key}: ${header.value ?? ''}`),
  ].join(', ');
}
