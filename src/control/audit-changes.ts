import { keyText } from '../api/object.ts';
import type { Resource } from '../api/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { AuditEntry, AuditLog } from '../server/audit-log.ts';
import type { LiveResources } from './watch/live-resources.ts';
import type { ObjectStatus } from './watch/status.ts';
import type { ResourceStore } from './watch/store.ts';

// What changes by other ways than the API, for the audit log: the user's files, and what the CA does. What the platform
// writes is no change that anybody made.

/** Changes of one batch that are written down one by one; of more only the number is. */
const MAX_EACH = 200;
/** Refused documents are looked for after a change, together. */
const REFUSED_AFTER_MS = 500;
/** Refused documents that are remembered, so that each is written down once. */
const MAX_REFUSED = 10_000;

/** Writes down changes of objects from now on; the returned function ends it. */
export function auditObjects(
  store: ResourceStore,
  audit: AuditLog,
  clock: Clock,
  isPlatforms: (file: string) => boolean,
): () => void {
  let before = store.resources();
  let refused = new Set<string>();
  const lookForRefused = (): void => {
    waiting = undefined;
    const now = refusedIn(store.refused(), isPlatforms);
    for (const [text, entry] of now) if (!refused.has(text)) audit.record(entry);
    refused = new Set([...now.keys()].slice(0, MAX_REFUSED));
  };
  let waiting = clock.setTimeout(lookForRefused, REFUSED_AFTER_MS) as
    | ReturnType<Clock['setTimeout']>
    | undefined;
  const stop = store.subscribe(() => {
    const now = store.resources();
    const changes = entriesOf(before, now, isPlatforms);
    before = now;
    for (const entry of changes.slice(0, MAX_EACH)) audit.record(entry);
    const more = changes.length - MAX_EACH;
    if (more > 0) audit.record({ who: 'files', what: `change ${more} objects more`, outcome: 'done' });
    waiting ??= clock.setTimeout(lookForRefused, REFUSED_AFTER_MS);
  });
  return () => {
    stop();
    waiting?.cancel();
  };
}

function entriesOf(
  { tables: old }: LiveResources,
  { tables }: LiveResources,
  isPlatforms: (file: string) => boolean,
): readonly AuditEntry[] {
  const entries: AuditEntry[] = [];
  const add = (what: string, { key, provenance }: Resource): void => {
    if (isPlatforms(provenance.file)) return;
    entries.push({ who: `file ${provenance.file}`, what: `${what} ${keyText(key)}`, outcome: 'done' });
  };
  for (const kind of new Set([...old.keys(), ...tables.keys()])) {
    const [was, is] = [old.get(kind), tables.get(kind)];
    if (was === is) continue;
    for (const [name, one] of is?.byName ?? []) {
      const known = was?.byName.get(name);
      if (known?.object !== one.object) add(known === undefined ? 'create' : 'update', one);
    }
    for (const [name, one] of was?.byName ?? []) if (is?.byName.has(name) !== true) add('delete', one);
  }
  return entries;
}

function refusedIn(
  statuses: readonly ObjectStatus[],
  isPlatforms: (file: string) => boolean,
): ReadonlyMap<string, AuditEntry> {
  const found = new Map<string, AuditEntry>();
  for (const { key, state, file, line, errors } of statuses) {
    if (isPlatforms(file)) continue;
    const [first] = errors;
    const what = `apply ${key === undefined ? `document at line ${line}` : keyText(key)}`;
    // The field only: a message may repeat what stands there, and that may be a secret.
    const detail = first === undefined ? state : `${first.field || 'the document'} is not valid`;
    found.set(`${file} ${what} ${detail}`, { who: `file ${file}`, what, outcome: 'refused', detail });
  }
  return found;
}

/** A line of the CA's log as an entry: certificates that were issued or refused, and steps of a rotation. */
export function auditCaLine(line: string, audit: AuditLog): void {
  if (line.startsWith('ca: rotation: ')) {
    audit.record({
      who: 'ca',
      what: 'rotation',
      outcome: 'done',
      detail: line.slice('ca: rotation: '.length),
    });
    return;
  }
  const event = line.startsWith('{"time":') ? eventOf(line) : undefined;
  if (event === undefined) return;
  const { client = '', spiffeId = '', serial = '', by = '', reason = '' } = event;
  const who = `${spiffeId} ${client}`.trim();
  if (event['event'] === 'certificate_issued')
    audit.record({ who, what: 'issue certificate', outcome: 'done', detail: `${serial}, by ${by}` });
  if (event['event'] === 'certificate_refused')
    audit.record({ who, what: 'issue certificate', outcome: 'refused', detail: reason });
}

function eventOf(line: string): Readonly<Record<string, string>> | undefined {
  try {
    return JSON.parse(line) as Readonly<Record<string, string>>;
  } catch {
    return undefined;
  }
}
