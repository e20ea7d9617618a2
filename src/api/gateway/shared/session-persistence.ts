import { parseGoDurationMs } from '../../../lib/duration.ts';
import type { Report } from '../../report.ts';
import { type Infer, message, oneOf, text } from '../../schema.ts';
import { gatewayDurationProblem, gatewayHeaderProblem } from './names.ts';

/** Requests of one session go to one backend (experimental channel). Default type: Cookie. */
export const sessionPersistence = message(
  {},
  {
    sessionName: text,
    absoluteTimeout: text,
    type: oneOf('Cookie', 'Header'),
    /** The name of `cookie` up to version 1.6 of the Gateway API. */
    cookieConfig: message({}, { lifetimeType: oneOf('Permanent', 'Session') }),
    cookie: message({}, { lifetimeType: oneOf('Permanent', 'Session'), name: text, path: text }),
    header: message({ name: text }, {}),
  },
);
export type SessionPersistence = Infer<typeof sessionPersistence>;

const MAX_NAME_LENGTH = 128;

/** Names that a cookie or header can have, and a time where the cookie shall outlive the client's run. */
export function checkSessionPersistence(spec: SessionPersistence | undefined, report: Report): void {
  if (spec === undefined) return;
  const { type = 'Cookie', sessionName, absoluteTimeout, cookie, header } = spec;
  const time = absoluteTimeout === undefined ? undefined : gatewayDurationProblem(absoluteTimeout);
  if (time !== undefined) report.error('absoluteTimeout', time);
  if (lasts(spec) && !(parseGoDurationMs(absoluteTimeout ?? '0s') ?? 0))
    report.error('absoluteTimeout', 'absoluteTimeout is required where cookie.lifetimeType is Permanent');
  for (const field of ['cookie', 'cookieConfig'] as const)
    if (type === 'Header' && spec[field] !== undefined)
      report.error(field, `${field} does not belong to type Header; use header`);
  if (type === 'Cookie' && header !== undefined)
    report.error('header', 'header does not belong to type Cookie; set type: Header');
  for (const [steps, name] of [
    [['sessionName'], sessionName],
    [['cookie', 'name'], cookie?.name],
    [['header', 'name'], header?.name],
  ] as const) {
    const problem = name === undefined ? undefined : nameProblem(name);
    if (problem !== undefined) report.error(steps, problem);
  }
  if (cookie?.path !== undefined && !/^\/[!-:<-~]*$/.test(cookie.path))
    report.error(
      ['cookie', 'path'],
      `"${cookie.path}" is not a path of a cookie; it begins with "/", and has no ";"`,
    );
}

function lasts({ cookie, cookieConfig }: SessionPersistence): boolean {
  return [cookie, cookieConfig].some((given) => given?.lifetimeType === 'Permanent');
}

function nameProblem(name: string): string | undefined {
  if (name.length > MAX_NAME_LENGTH) return `the name is longer than ${MAX_NAME_LENGTH} characters`;
  return gatewayHeaderProblem(name);
}
