// Names and values of HTTP headers in rules (RFC 9110, 5.1) and in Envoy's header formats.

const TOKEN = /^[!#$%&'*+\-.^_`|~A-Za-z0-9]+$/;
const PSEUDO_HEADERS = new Set([':method', ':scheme', ':authority', ':path', ':status']);
const CONTROL = /[\u0000-\u0008\u000A-\u001F\u007F]/;

/** What is wrong with the name of a header, or undefined. */
export function headerNameProblem(name: string): string | undefined {
  if (name === '') return 'the name of the header is empty';
  return TOKEN.test(name) ? undefined : `"${name}" is not the name of a header; use letters, digits and "-"`;
}

/** Names that a route may match: headers, pseudo-headers, and claims of a JWT as `@request.auth.claims.x`. */
export function matchedHeaderProblem(name: string): string | undefined {
  if (PSEUDO_HEADERS.has(name) || isClaimHeader(name)) return undefined;
  return headerNameProblem(name);
}

/** `@request.auth.claims.group` or `@request.auth.claims[group]`: not a header but a claim of the request's token. */
export function isClaimHeader(name: string): boolean {
  return /^@request\.auth\.claims(?:\..+|\[.+\])$/i.test(name);
}

/** Names for operations on headers. `host` and `:authority` may be set on requests but never removed. */
export function changedHeaderProblem(name: string, mayBeAuthority: boolean): string | undefined {
  if (name === '') return 'the name of the header is empty';
  if (mayBeAuthority && isAuthorityHeader(name)) return undefined;
  if (name.startsWith(':')) return `"${name}" is a pseudo-header and cannot be changed here; use rewrite`;
  if (name.toLowerCase() === 'host') return 'the host header cannot be changed here; use rewrite.authority';
  return undefined;
}

/** The header that names the host, in HTTP/1 and HTTP/2. */
export function isAuthorityHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === 'host' || lower === ':authority';
}

/** Header names of probes and of claims copied to headers: letters, digits, `-`, and `_` where allowed. */
export function plainHeaderProblem(name: string, underscore: boolean): string | undefined {
  if (name === '') return 'the name of the header is empty';
  if ((underscore ? /^[-_A-Za-z0-9]+$/ : /^[-A-Za-z0-9]+$/).test(name)) return undefined;
  return `"${name}" is not a header name for this place; use letters, digits and "-"${underscore ? ' or "_"' : ''}`;
}

/** `%%`, `%NAME%`, `%NAME(words)%` or `%NAME(["a", "b"])%`: the commands of Envoy's header formats. */
const COMMAND =
  /^%(?:%|[^%(]*%|[^%(]*\( *(?:\[ *"(?:[^"\\]|\\.)*" *(?:, *"(?:[^"\\]|\\.)*" *)*\] *|[^[" ](?:[^)"\\]|\\.)*)\) *%)/s;

/**
 * What is wrong with a header's value, or undefined. Values are Envoy header formats: `%` begins a command such as
 * `%DOWNSTREAM_REMOTE_ADDRESS%`, and a plain percent sign is written `%%`.
 * Spec: envoyproxy.io, HTTP connection manager, Custom request/response headers.
 */
export function headerValueProblem(value: string): string | undefined {
  if (CONTROL.test(value)) return 'the value of the header holds a control character';
  let rest = value;
  for (let at = rest.indexOf('%'); at >= 0; at = rest.indexOf('%')) {
    const command = COMMAND.exec(rest.slice(at))?.[0];
    if (command === undefined)
      return `"${value}" has a "%" that begins no command; write "%%" for a plain percent sign`;
    rest = rest.slice(at + command.length);
  }
  return undefined;
}
