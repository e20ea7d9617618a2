import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type StartedProcess, stopChild, track } from './proxy-process.ts';
import type { UpstreamPlan } from './upstream.ts';

export type RunningUpstream = Pick<StartedProcess, 'stop'> & { readonly port: number };

const START_LIMIT_MS = 15_000;

/** Starts upstream.ts; resolves when it listens. */
export async function startUpstream(plan: UpstreamPlan): Promise<RunningUpstream> {
  const child = fork(fileURLToPath(new URL('./upstream.ts', import.meta.url)), { execArgv: [] });
  const ended = track(child);
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the upstream does not start')), START_LIMIT_MS);
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve(Number(message));
    });
    void ended.then(() => reject(new Error('the upstream ended')));
    child.send(plan);
  });
  return { port, stop: () => stopChild(child, ended) };
}
