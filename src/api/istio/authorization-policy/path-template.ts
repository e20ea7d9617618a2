const ONE = '{*}';
const REST = '{**}';
/** What a path segment may hold (RFC 3986, pchar, without `*`). */
const SEGMENT = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=]+$/;

/** True for a path with `{*}` (one segment) or `{**}` (any number, at most once and last among the operators). */
export function isPathTemplate(path: string): boolean {
  return path.includes(ONE) || path.includes(REST);
}

/** What is wrong with a path of an operation, or undefined. Paths without braces are exact, prefix or suffix matches. */
export function pathTemplateProblem(path: string): string | undefined {
  const template = isPathTemplate(path);
  let restSeen = false;
  for (const segment of path.replace(/^\/+|\/+$/g, '').split('/')) {
    const operator = segment === ONE || segment === REST;
    if (operator && restSeen) return `"${path}": nothing with braces may follow {**}`;
    restSeen ||= segment === REST;
    if (operator) continue;
    if (/[{}]/.test(segment)) return `"${path}": a segment with braces is {*} or {**} as a whole`;
    if (template && !SEGMENT.test(segment))
      return `"${path}": "${segment}" cannot stand in a path with {*} or {**}; a segment is text without "*"`;
  }
  return undefined;
}
