// One line per answer of the CA: who asked, how it was proved, what was issued or why not. No tokens, no keys, no
// request bodies.

/** What happened. */
export type IssuanceEvent =
  | {
      readonly event: 'certificate_issued';
      readonly client: string;
      readonly spiffeId: string;
      readonly by: 'token' | 'certificate' | 'join-token';
      readonly pod?: string;
      readonly serial: string;
      readonly notAfterMs: number;
    }
  | {
      readonly event: 'certificate_refused';
      readonly client: string;
      /** Known once the caller is authenticated. */
      readonly spiffeId?: string;
      readonly code: string;
      readonly reason: string;
    };

/** One JSON object without line breaks; control characters are escaped by JSON. */
export function auditLine(event: IssuanceEvent, nowMs: number): string {
  const time = new Date(nowMs).toISOString();
  if (event.event === 'certificate_refused') return JSON.stringify({ time, ...event });
  const { notAfterMs, ...rest } = event;
  return JSON.stringify({ time, ...rest, notAfter: new Date(notAfterMs).toISOString() });
}
