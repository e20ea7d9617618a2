import type { HeaderModifier } from '../../../api/gateway/shared/header-modifier.ts';
import type { HeaderChanges, HeaderPolicy } from '../../../mesh/route.ts';

interface Modifiers {
  readonly requestHeaderModifier?: HeaderModifier;
  readonly responseHeaderModifier?: HeaderModifier;
}

/** Header modifiers among filters; undefined where there are none. */
export function headerPolicy(filters: readonly Modifiers[]): HeaderPolicy | undefined {
  const request = filters.flatMap(({ requestHeaderModifier }) => requestHeaderModifier ?? []);
  const response = filters.flatMap(({ responseHeaderModifier }) => responseHeaderModifier ?? []);
  if (request.length + response.length === 0) return undefined;
  return { request: changes(request), response: changes(response) };
}

function changes(modifiers: readonly HeaderModifier[]): HeaderChanges {
  const pairs = (field: 'set' | 'add') =>
    modifiers.flatMap((modifier) =>
      (modifier[field] ?? []).map(({ name, value }) => [name, literal(value)] as const),
    );
  return {
    set: pairs('set'),
    add: pairs('add'),
    remove: modifiers.flatMap(({ remove }) => remove ?? []),
  };
}

/** One of Envoy's variables, as users of Istio write them, or a percent sign. */
const PERCENT = /%[A-Z][A-Z0-9_]*(?:\([^()%]*\))?(?::\d+)?%|%/g;

/** A percent sign stands for itself, unless it begins a variable: a lone one would be an error to Envoy. */
function literal(value: string): string {
  return value.replace(PERCENT, (found) => (found === '%' ? '%%' : found));
}
