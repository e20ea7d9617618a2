import {
  appendAction,
  effectOf,
  type HeaderValueOption,
  levelsInOrder,
} from '../../../xds/match/header-append.ts';
import { formatValue, type ValueFacts } from './format-value.ts';
import type { Leaf } from './leaf.ts';
import { type Headers, headerOf, withHeader, withoutHeader } from './request.ts';

/** Headers as a route changes them, at all its levels: removals, then additions. */
export function changeHeaders(
  headers: Headers,
  leaf: Leaf,
  side: 'request' | 'response',
  facts: ValueFacts,
): Headers {
  const levels = levelsInOrder(leaf.levels, leaf.generalFirst);
  let changed = headers;
  for (const level of levels) {
    for (const name of level[`${side}_headers_to_remove`] ?? [])
      changed = withoutHeader(changed, name.toLowerCase());
    for (const addition of level[`${side}_headers_to_add`] ?? [])
      changed = addHeader(changed, addition, facts);
  }
  return changed;
}

/** Headers with one more, or another value of one, as the addition says. */
export function addHeader(headers: Headers, addition: HeaderValueOption, facts: ValueFacts): Headers {
  const { header = {}, keep_empty_value = false } = addition;
  const name = (header.key ?? '').toLowerCase();
  const value = formatValue(
    header.value ?? (header.raw_value === undefined ? '' : atob(header.raw_value)),
    facts,
  );
  if (value === '' && !keep_empty_value) return headers;
  const effect = effectOf(appendAction(addition), headerOf(headers, name) !== undefined);
  if (effect === 'nothing') return headers;
  return effect === 'add' ? [...headers, [name, value]] : withHeader(headers, name, value);
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
