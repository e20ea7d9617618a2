/** What is wrong with the address of something to fetch by HTTP, or undefined. */
export function webUrlProblem(url: string): string | undefined {
  const scheme = schemeOf(url);
  if (scheme !== 'http' && scheme !== 'https') return `"${url}" does not begin with https:// or http://`;
  return parses(url) ? undefined : `"${url}" is not a URL`;
}

const MODULE_SCHEMES = ['file', 'http', 'https', 'oci'];

/** What is wrong with the address of a Wasm module (file, http, https, oci; without a scheme: oci), or undefined. */
export function moduleUrlProblem(url: string): string | undefined {
  if (url === '') return 'url is required: where the module is, such as oci://registry.example.com/name:tag';
  const scheme = schemeOf(url);
  if (scheme !== undefined && !MODULE_SCHEMES.includes(scheme))
    return `"${scheme}" is not a way to fetch a module; begin with one of ${MODULE_SCHEMES.map((name) => `${name}://`).join(', ')}`;
  const rest = scheme === undefined ? url : url.slice(scheme.length + 1).replace(/^\/\//, '');
  // A path on this machine has no host to judge.
  const path = scheme === 'file' || url.startsWith('/');
  return parses(path ? `http://host/${rest}` : `http://${rest}`) ? undefined : `"${url}" is not a URL`;
}

function schemeOf(url: string): string | undefined {
  return /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(url)?.[1]?.toLowerCase();
}

function parses(url: string): boolean {
  // The WHATWG parser repairs what RFC 3986 forbids: broken percent-encoding and control characters.
  if (/%(?![0-9a-fA-F]{2})/.test(url) || /[\u0000-\u001f\u007f]/.test(url)) return false;
  return !hasGarbledHost(url) && URL.canParse(url);
}

/** A host with characters that it cannot have, some of which the WHATWG parser decodes or encodes. */
function hasGarbledHost(url: string): boolean {
  const host = /^[a-z]+:\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(url)?.[1] ?? '';
  return /%(?!25|[89a-f])/i.test(host) || /[\s\\^`{|}]/.test(host);
}
