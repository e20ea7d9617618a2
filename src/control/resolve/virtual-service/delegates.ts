import type { HttpMatch, HttpRule, NamedMatch, PathMatch, TextMatch } from '../../../mesh/route.ts';

/**
 * A rule of a delegate as the rule that includes it sees it: what both match, and what the including rule sets of its
 * own (timeout, retries, headers and so on) where the delegate leaves it open. Undefined where nothing can match both.
 */
export function delegatedRule(root: HttpRule, delegate: HttpRule): HttpRule | undefined {
  const matches = bothMatch(root.matches, delegate.matches);
  if (matches === undefined) return undefined;
  const { matches: _, action: _action, name, origin: _origin, mirrors, ...settings } = root;
  return {
    ...settings,
    ...delegate,
    name: [name, delegate.name].filter((part) => part !== '').join('-'),
    matches,
    mirrors: delegate.mirrors.length === 0 ? mirrors : delegate.mirrors,
  };
}

/** Each match of the delegate must be within one of the including rule's; else none of them counts. */
function bothMatch(a: readonly HttpMatch[], b: readonly HttpMatch[]): readonly HttpMatch[] | undefined {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const all = b.map((inner) =>
    a.map((outer) => combined(outer, inner)).filter((match) => match !== undefined),
  );
  return all.some((pairs) => pairs.length === 0) ? undefined : all.flat();
}

/** The delegate's match may only be narrower; where the two contradict each other there is none. */
function combined(outer: HttpMatch, inner: HttpMatch): HttpMatch | undefined {
  for (const part of ['path', 'scheme', 'method', 'authority'] as const)
    if (!within(outer[part], inner[part])) return undefined;
  if (outer.port !== undefined && inner.port !== undefined && outer.port !== inner.port) return undefined;
  if (!sourceWithin(outer, inner)) return undefined;
  const headers = union(outer.headers, inner.headers);
  const query = union(outer.query, inner.query);
  if (headers === undefined || query === undefined) return undefined;
  return {
    ...outer,
    ...inner,
    name: [outer.name, inner.name].filter((part) => part !== '').join('-'),
    headers,
    query,
    sourceLabels: { ...outer.sourceLabels, ...inner.sourceLabels },
    sourceNamespace: inner.sourceNamespace === '' ? outer.sourceNamespace : inner.sourceNamespace,
  };
}

/** Whether the callers of the inner match are some of the outer one's. */
function sourceWithin(outer: HttpMatch, inner: HttpMatch): boolean {
  const labels = Object.entries(inner.sourceLabels);
  const { gateways } = outer;
  return (
    labels.every(([name, value]) => (outer.sourceLabels[name] ?? value) === value) &&
    (outer.sourceNamespace === '' || ['', outer.sourceNamespace].includes(inner.sourceNamespace)) &&
    (gateways === undefined || (inner.gateways ?? gateways).every((name) => gateways.includes(name)))
  );
}

function union(outer: readonly NamedMatch[], inner: readonly NamedMatch[]): NamedMatch[] | undefined {
  const all = [...inner];
  for (const match of outer) {
    const same = inner.find((other) => other.name === match.name && other.invert === match.invert);
    if (same === undefined) all.push(match);
    else if (!within(match.match, same.match)) return undefined;
  }
  return all;
}

/** Whether the inner text match holds for nothing that the outer one does not hold for, as far as can be told. */
function within(outer: PathMatch | undefined, inner: PathMatch | undefined): boolean {
  if (outer === undefined || inner === undefined || outer.type === 'present') return true;
  if (inner.type === 'present') return false;
  if (ignoresCase(inner) && !ignoresCase(outer)) return false;
  if (outer.type === 'exact') return inner.type === 'exact' && inner.value === outer.value;
  if (outer.type === 'prefix') return inner.type !== 'regex' && inner.value.startsWith(outer.value);
  return outer.type === inner.type && outer.value === (inner as TextMatch & { value: string }).value;
}

function ignoresCase(match: PathMatch): boolean {
  return 'ignoreCase' in match && match.ignoreCase === true;
}
