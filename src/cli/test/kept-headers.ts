type Header = readonly [name: string, value: string];

/**
 * What a client keeps of one answer for its next request (`send.keeps`): cookies whose path the request is below, where
 * `cookie` is among the names, and headers of the other names as they came. `sent` are the headers of the request so far.
 */
export function withKept(
  sent: readonly Header[],
  names: readonly string[],
  answer: Readonly<Record<string, string>>,
  path: string,
): readonly Header[] {
  let headers = sent;
  for (const name of names.map((written) => written.toLowerCase())) {
    const value = name === 'cookie' ? cookies(headers, answer['set-cookie'] ?? '', path) : answer[name];
    if (value === undefined || value === '') continue;
    headers = [...headers.filter(([other]) => other.toLowerCase() !== name), [name, value]];
  }
  return headers;
}

/** The cookies of the request with those that the answer sets; several lines of `set-cookie` are joined by ','. */
function cookies(sent: readonly Header[], set: string, path: string): string {
  const jar = new Map<string, string>();
  const before = sent.find(([name]) => name.toLowerCase() === 'cookie')?.[1] ?? '';
  for (const one of before.split(/;\s*/)) if (one !== '') jar.set(nameOf(one), one);
  for (const line of set.split(/,\s*(?=[^;,\s=]+=)/)) {
    const [pair = '', ...attributes] = line.split(/;\s*/);
    const scope = attributes.find((text) => /^path=/i.test(text))?.slice('path='.length) ?? '/';
    if (pair !== '' && isBelow(path, scope)) jar.set(nameOf(pair), pair);
  }
  return [...jar.values()].join('; ');
}

function nameOf(pair: string): string {
  return pair.slice(0, pair.indexOf('='));
}

/** RFC 6265, 5.1.4. */
function isBelow(requested: string, scope: string): boolean {
  const path = requested.split('?', 1)[0] ?? '/';
  return path === scope || (path.startsWith(scope) && (scope.endsWith('/') || path[scope.length] === '/'));
}
