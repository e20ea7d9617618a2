import { appendFileSync, chmodSync, closeSync, existsSync, openSync, renameSync, statSync } from 'node:fs';

// Every change that anybody makes: one JSON line each, in a file that only its owner reads. Files are bounded: a full one
// is put aside, and the oldest goes. No secret is handed to it: names of objects, never what is in them.

/** One line, without its time. */
export interface AuditEntry {
  /** Name of the user, `file PATH`, a SPIFFE id, or an address. */
  readonly who: string;
  /** `POST /api/ca/rotate`, `update VirtualService default/reviews`, `issue certificate`. */
  readonly what: string;
  readonly outcome: 'done' | 'refused' | 'failed';
  readonly role?: string;
  /** Why it was refused or failed, or what it was about. */
  readonly detail?: string;
}

/** Where changes are written down. */
export interface AuditLog {
  record(entry: AuditEntry): void;
}

/** Where nobody writes anything down. */
export const noAudit: AuditLog = { record() {} };

/** Bounds of what is kept. */
export const AUDIT_LIMITS = {
  /** A file is put aside when it is so large. */
  maxFileBytes: 8 * 1024 * 1024,
  /** Files that are kept beside the one that is written. */
  keptFiles: 3,
  /** Longest text of a field. */
  maxText: 1024,
} as const;

/** Writes to a file; what was there stays. `onError` hears once of each failure in a row: nothing else is held up by it. */
export function openAuditLog(
  file: string,
  nowMs: () => number,
  onError: (error: unknown) => void,
  { maxFileBytes, keptFiles, maxText }: typeof AUDIT_LIMITS | AuditLimits = AUDIT_LIMITS,
): AuditLog {
  let failing = false;
  let size = prepare(file);
  const rotate = (): void => {
    for (let i = keptFiles; i > 0; i--) {
      const from = i === 1 ? file : `${file}.${i - 1}`;
      if (existsSync(from)) renameSync(from, `${file}.${i}`);
    }
    size = prepare(file);
  };
  return {
    record(entry) {
      const fields = Object.entries({ time: new Date(nowMs()).toISOString(), ...entry });
      const short = fields.map(([name, text]) => [name, String(text).slice(0, maxText)]);
      const line = `${JSON.stringify(Object.fromEntries(short))}\n`;
      try {
        if (size > 0 && size + line.length > maxFileBytes) rotate();
        appendFileSync(file, line, { mode: 0o600 });
        size += Buffer.byteLength(line);
        failing = false;
      } catch (error) {
        if (!failing) onError(error);
        failing = true;
      }
    },
  };
}

type AuditLimits = { readonly [Limit in keyof typeof AUDIT_LIMITS]: number };

/** Makes the file, or takes away what others may do with it; its size. */
function prepare(file: string): number {
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
  return statSync(file).size;
}
