import type { Rotation } from '../../ca/rotation/rotation.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ApiAnswers } from '../../server/answers.ts';
import type { PartStatus, Usage } from '../../server/contract.ts';
import type { PlatformParts } from '../../server/platform-parts.ts';
import type { DenialRing } from '../denials/denial-ring.ts';
import { mtlsPlanAnswer } from '../observe/mtls-plan-answer.ts';
import type { Observer } from '../observe/observer.ts';
import type { ObjectStatus } from '../watch/status.ts';
import { caReport } from './ca-report.ts';
import { dumpAnswer } from './dump-answer.ts';
import { explainAnswer } from './explain-answer.ts';
import type { Fleet } from './fleet.ts';
import { objectAnswer } from './object-answer.ts';
import { proxyStatuses, statusReport } from './status-report.ts';

/** What the answers are made from. */
export interface AnswerSources {
  readonly version: string;
  readonly trustDomain: string;
  readonly startedAtMs: number;
  readonly clock: Clock;
  readonly fleet: Fleet;
  /** Of every document. */
  readonly statuses: () => readonly ObjectStatus[];
  readonly parts: PlatformParts;
  readonly rotation: Rotation;
  readonly denials: DenialRing;
  /** Begins a rotation of the CA's root. */
  readonly rotateCa: () => Promise<void>;
  readonly observer: Observer;
}

/** The control plane's answers to the questions of the HTTP API. */
export function apiAnswers(sources: AnswerSources): ApiAnswers {
  const { clock, fleet } = sources;
  const { version, trustDomain, startedAtMs } = sources;
  const ownUsage = ownUsageSince(clock);
  return {
    async status() {
      const { processes, problems } = await sources.parts.read();
      const own = processes.some(({ kind }) => kind === 'control') ? [] : [ownPart(ownUsage())];
      const platform = { processes: [...own, ...processes], problems };
      const nowMs = clock.nowMs();
      const statuses = sources.statuses();
      return statusReport({ version, trustDomain, startedAtMs, nowMs, fleet, statuses, platform });
    },
    proxies: () => ({ nowMs: clock.nowMs(), proxies: proxyStatuses(fleet) }),
    ca: () => caReport(sources.rotation, clock.nowMs()),
    denials: (id) => sources.denials.find(id, clock.nowMs()),
    dump: (proxy, parts) => dumpAnswer(proxy, parts, fleet),
    explain: (question) => explainAnswer(question, fleet.state().compiled, clock.nowMs()),
    object: (wanted) => objectAnswer(wanted, sources.statuses(), fleet, clock.nowMs()),
    mtlsPlan: (question) =>
      mtlsPlanAnswer(
        question,
        () => fleet.state().compiled,
        sources.observer,
        () => clock.nowMs(),
      ),
    isReady: () => true,
    rotateCa: () => sources.rotateCa(),
    forgetDenials: () => sources.denials.forget(),
  };
}

function ownPart(usage: Usage): PartStatus {
  return { kind: 'control', name: 'control', state: 'running', pid: process.pid, restarts: 0, usage };
}

/** What this process used since the call before. */
function ownUsageSince(clock: Clock): () => Usage {
  let lastMs = clock.monotonicMs();
  let last = process.cpuUsage();
  return () => {
    const nowMs = clock.monotonicMs();
    const { user, system } = process.cpuUsage(last);
    const cpu = (user + system) / 1000 / Math.max(1, nowMs - lastMs);
    lastMs = nowMs;
    last = process.cpuUsage();
    return { cpu, memoryBytes: process.memoryUsage.rss() };
  };
}
