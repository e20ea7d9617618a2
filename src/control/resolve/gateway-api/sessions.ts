import { durationMs } from '../../../api/check/duration.ts';
import type { SessionPersistence } from '../../../api/gateway/shared/session-persistence.ts';
import { defined } from '../../../lib/defined.ts';
import { xxHash64 } from '../../../lib/xxhash64.ts';
import type { HttpMatch, HttpRule } from '../../../mesh/route.ts';
import type { Session } from '../../../mesh/session.ts';

/** What a session is kept for, as cookies and headers without a name of their own are called after it. */
export interface SessionOwner {
  readonly namespace: string;
  readonly name: string;
  /** Of the rule; '' for all of an object. */
  readonly section: string;
}

/**
 * Sessions of a rule or a backend. A cookie goes back to where it came from: without a path of its own to the path that
 * the rule matches, and to all paths where nothing is matched. Sessions of a backend serve several rules: `path` is ''.
 */
export function sessionOf(spec: SessionPersistence, owner: SessionOwner, path: string): Session {
  const { type = 'Cookie', cookie, header, sessionName } = spec;
  if (type === 'Header')
    return {
      type: 'header',
      name: (header?.name || sessionName || unique('x-session', owner)).toLowerCase(),
    };
  const life = spec.absoluteTimeout === undefined ? 0 : durationMs(spec.absoluteTimeout);
  return {
    type: 'cookie',
    name: cookie?.name || sessionName || unique('session', owner),
    path: cookie?.path || path,
    ...defined({ lifeMs: life === 0 ? undefined : life }),
  };
}

/** A rule with its sessions, where it has any. */
export function withSession(
  rule: HttpRule,
  spec: SessionPersistence | undefined,
  owner: SessionOwner,
  match: HttpMatch,
): HttpRule {
  if (spec === undefined || rule.action.type !== 'forward') return rule;
  return { ...rule, session: sessionOf(spec, owner, pathOfMatch(match)) };
}

/** A name that no other rule has: short, and the same in every control plane. */
function unique(prefix: string, { namespace, name, section }: SessionOwner): string {
  const { hi, lo } = xxHash64([namespace, name, section].join('/'));
  return `${prefix}-${[hi, lo].map((part) => (part >>> 0).toString(16).padStart(8, '0')).join('')}`;
}

/** The path below which all that a rule matches lies (GEP-1619): of an expression the part that is plain text. */
export function pathOfMatch({ path }: HttpMatch): string {
  if (path === undefined || path.type === 'present') return '/';
  const [plain = ''] = /^\/[-\w/.~%:@!$&'()*+=]*/.exec(path.value) ?? [];
  if (path.type !== 'regex' && plain === path.value) return plain;
  // Of an expression what is no letter may mean something else, and be about the letter before it; the text of a cookie
  // ends at others.
  const [literal = ''] = /^[-\w/]*/.exec(plain) ?? [];
  const whole = literal.slice(0, literal.lastIndexOf('/'));
  return whole === '' ? '/' : whole;
}
