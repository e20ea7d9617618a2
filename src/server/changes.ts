import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApiAnswers } from './answers.ts';
import type { AuditLog } from './audit-log.ts';
import type { Caller } from './guard.ts';
import { API_LIMITS } from './request-limit.ts';
import { sendJson } from './respond.ts';
import type { Role } from './roles.ts';

/** What can be changed, by method and path. */
export const changes: Readonly<Record<string, Change>> = {
  'POST /api/ca/rotate': { role: 'admin', run: (answers) => answers.rotateCa() },
  'DELETE /api/denials': { role: 'operate', run: async (answers) => answers.forgetDenials() },
};

/** One thing that can be changed. */
export interface Change {
  readonly role: Role;
  readonly run: (answers: ApiAnswers) => Promise<void>;
}

/** Methods that a path takes. */
export function allowed(path: string): string {
  const methods = Object.keys(changes).flatMap((what) =>
    what.endsWith(` ${path}`) ? [what.split(' ')[0]] : [],
  );
  return ['GET', 'HEAD', ...methods].join(', ');
}

/** A caller as the audit log names it. */
export function auditedAs({ name, role }: Caller): { readonly who: string; readonly role?: string } {
  return { who: name, ...(role && { role }) };
}

/** Does it, answers, and writes down how it went. */
export async function doChange(
  { run }: Change,
  what: string,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
  answers: ApiAnswers,
  audit: AuditLog,
): Promise<void> {
  const { name: who, role = '' } = caller;
  if (!(await isShort(request))) {
    audit.record({ who, role, what, outcome: 'refused', detail: 'the body is too long' });
    return sendJson(response, 413, { error: `a body has at most ${API_LIMITS.maxBodyBytes} bytes` });
  }
  try {
    await run(answers);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    audit.record({ who, role, what, outcome: 'failed', detail });
    return sendJson(response, 409, { error: detail });
  }
  audit.record({ who, role, what, outcome: 'done' });
  sendJson(response, 200, { done: what });
}

/** Reads the body away; false where it is longer than any change needs. */
async function isShort(request: IncomingMessage): Promise<boolean> {
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > API_LIMITS.maxBodyBytes) return false;
  }
  return true;
}
