import { isAuthority } from './characters.ts';

// The four forms of a request target (RFC 9112 §3.2). Absolute and authority form name the host themselves.

/** Path with query, and the authority where the target has one (else undefined: Host has it). */
export interface TargetParts {
  readonly path: string;
  readonly authority: string | undefined;
}

/** Takes a target apart; undefined when its form is not allowed with the method. */
export function parseTarget(method: string, target: string): TargetParts | undefined {
  if (method === 'CONNECT') {
    const isHostAndPort = isAuthority(target) && /[^:]:\d+$/.test(target);
    return isHostAndPort ? { path: '', authority: target } : undefined;
  }
  if (target.charCodeAt(0) === 47) return { path: target, authority: undefined };
  if (target === '*') return method === 'OPTIONS' ? { path: '*', authority: undefined } : undefined;
  return parseAbsolute(method, target);
}

function parseAbsolute(method: string, target: string): TargetParts | undefined {
  const [, authority = '', path = ''] = /^https?:\/\/([^/?]*)(.*)$/i.exec(target) ?? [];
  if (authority === '' || !isAuthority(authority)) return undefined;
  if (path === '') return { path: method === 'OPTIONS' ? '*' : '/', authority }; // RFC 9112 §3.2.4
  return { path: path.startsWith('?') ? `/${path}` : path, authority };
}
