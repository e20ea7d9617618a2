import { userInfo } from 'node:os';
import { join } from 'node:path';
import { openAuditLog } from '../server/audit-log.ts';

/** Writes down what a user does to a CA by its folder, beside its key: the control plane has no part in that. */
export function auditByUser(keyDir: string, what: string, detail: string): void {
  const log = openAuditLog(join(keyDir, 'audit.log'), Date.now, () => {});
  log.record({ who: `user ${userInfo().username}`, what, outcome: 'done', detail });
}
