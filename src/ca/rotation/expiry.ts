// How much of its life a CA has used: said at 50, 75 and 90 percent, while there is time to replace it.

import type { X509Certificate } from 'node:crypto';
import { readCertificateFields } from '../../wire/identity/certificate-fields.ts';

/** Shares of a life at which somebody is told. */
export const WARN_AT = [0.5, 0.75, 0.9] as const;

/** The life of a certificate, wall time. */
export interface Life {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** The life of a certificate. */
export function lifeOf(certificate: X509Certificate): Life {
  const { notBeforeMs, notAfterMs } = readCertificateFields(certificate.raw);
  return { notBeforeMs, notAfterMs };
}

/** The highest share passed: 0, 0.5, 0.75, 0.9, or 1 when it is over. */
export function warningLevel({ notBeforeMs, notAfterMs }: Life, nowMs: number): number {
  if (nowMs > notAfterMs) return 1;
  const used = (nowMs - notBeforeMs) / (notAfterMs - notBeforeMs);
  return WARN_AT.findLast((share) => used >= share) ?? 0;
}

/** The warning as a sentence; undefined below the first share. `what` begins it: "The signing CA". */
export function expiryWarning(what: string, life: Life, nowMs: number): string | undefined {
  const level = warningLevel(life, nowMs);
  if (level === 0) return undefined;
  const end = new Date(life.notAfterMs).toISOString();
  if (level === 1) return `${what} expired at ${end}`;
  return `${what} has used ${level * 100} % of its life; it ends at ${end}`;
}
