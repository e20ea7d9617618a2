import { expect, it } from 'vitest';
import { manualClock } from '../lib/manual-clock.ts';
import type { AuditEntry } from '../server/audit-log.ts';
import { auditCaLine, auditObjects } from './audit-changes.ts';
import { makeResourceStore } from './watch/store.ts';

type Batch = Parameters<ReturnType<typeof makeResourceStore>['apply']>[0];

const service = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec,
});

function file(origin: string, ...values: readonly object[]): Batch[number] {
  const documents = values.map((value, i) => ({
    value,
    text: JSON.stringify(value),
    provenance: { file: origin, line: i + 1, lineOf: () => i + 1 },
  }));
  return { type: 'put', origin, documents, problems: [] } as unknown as Batch[number];
}

it('changes of the files are written down, those of the platform are not, and bad documents once', () => {
  const [store, clock, entries] = [makeResourceStore(), manualClock(), [] as AuditEntry[]];
  const audit = { record: (entry: AuditEntry) => void entries.push(entry) };
  const stop = auditObjects(store, audit, clock, (name) => name.startsWith('/platform/'));
  const good = service('a', { ports: [{ port: 80 }] });
  store.apply([file('a.yaml', good), file('/platform/b.yaml', service('b', { ports: [{ port: 80 }] }))]);
  store.apply([file('a.yaml', service('a', { ports: [{ port: 81 }] }))]);
  store.apply([file('a.yaml', service('a', { ports: 'secret-value' }))]);
  clock.advance(1000);
  store.apply([file('a.yaml', service('a', { ports: 'secret-value' }))]);
  clock.advance(1000);
  store.apply([{ type: 'delete', origin: 'a.yaml' } as Batch[number]]);
  stop();
  expect(entries.map(({ who, what, outcome }) => [who, what.split(' ')[0], outcome])).toEqual([
    ['file a.yaml', 'create', 'done'],
    ['file a.yaml', 'update', 'done'],
    ['file a.yaml', 'apply', 'refused'],
    ['file a.yaml', 'delete', 'done'],
  ]);
  expect(entries[0]?.what).toContain('default/a');
  expect(JSON.stringify(entries)).not.toContain('secret-value');
});

it('what the CA does is written down', () => {
  const entries: AuditEntry[] = [];
  const audit = { record: (entry: AuditEntry) => void entries.push(entry) };
  auditCaLine('ca: rotation: the next CA signs', audit);
  const issued = {
    time: 'x',
    event: 'certificate_issued',
    client: '10.0.0.1',
    spiffeId: 'spiffe://a',
    by: 'token',
    serial: '1',
  };
  auditCaLine(JSON.stringify(issued), audit);
  const refused = {
    time: 'x',
    event: 'certificate_refused',
    client: '10.0.0.1',
    code: 'a',
    reason: 'expired',
  };
  auditCaLine(JSON.stringify(refused), audit);
  auditCaLine('ca: warning: something', audit);
  expect(entries).toEqual([
    { who: 'ca', what: 'rotation', outcome: 'done', detail: 'the next CA signs' },
    { who: 'spiffe://a 10.0.0.1', what: 'issue certificate', outcome: 'done', detail: '1, by token' },
    { who: '10.0.0.1', what: 'issue certificate', outcome: 'refused', detail: 'expired' },
  ]);
});
