import { type Contestant, startContestant } from './contestant.ts';
import type { CertificateFiles } from './hop.ts';
import type { Settings, Values } from './measure.ts';
import { median } from './median.ts';
import type { Peer, PeerName } from './peers.ts';
import { StartRefused } from './proxy-process.ts';
import type { Scenario } from './scenario.ts';
import { startUpstream } from './start-upstream.ts';

/** What came out for one peer. */
export type PeerResult =
  | {
      readonly peer: string;
      readonly state: 'measured';
      /** Medians over the rounds. */
      readonly values: Values;
      /** Each round's, for whoever wants to judge the spread. */
      readonly rounds: readonly Values[];
    }
  | { readonly peer: string; readonly state: 'not yet' | 'none' | 'failed'; readonly reason: string };

/** Where all of it works, and who is told of its progress. */
export interface Bench {
  readonly folder: string;
  readonly files: CertificateFiles;
  progress(text: string): void;
}

/** Starts everyone, lets them take turns (A B C D A B C D ...), stops everyone. */
export async function runScenario(
  scenario: Scenario,
  peers: readonly Peer[],
  settings: Settings,
  bench: Bench,
): Promise<readonly PeerResult[]> {
  const upstream = await startUpstream({
    protocol: scenario.protocol,
    tls: scenario.hops[0]?.upstreamTls ?? 'none',
    bodyBytes: scenario.responseBytes,
    files: bench.files,
  });
  const turns: Turns[] = [];
  try {
    for (const peer of peers)
      turns.push(await start(peer, scenario, { ...bench, upstreamPort: upstream.port }));
    await takeTurns(turns, scenario, settings, bench);
    return turns.map(resultOf);
  } finally {
    await Promise.all(turns.map(({ contestant }) => contestant?.stop()));
    await upstream.stop();
  }
}

/** A peer's part of a scenario while it runs. */
interface Turns {
  readonly peer: string;
  readonly contestant: Contestant | undefined;
  once: Values;
  readonly rounds: Values[];
  over: Exclude<PeerResult, { readonly state: 'measured' }> | undefined;
}

async function start(
  peer: Peer,
  scenario: Scenario,
  place: Bench & { readonly upstreamPort: number },
): Promise<Turns> {
  const turns = { peer: peer.name, once: {}, rounds: [] };
  const end = (state: 'none' | 'not yet' | 'failed', reason: string): Turns => ({
    ...turns,
    contestant: undefined,
    over: { peer: peer.name, state, reason },
  });
  const without = scenario.without?.[peer.name as PeerName];
  if (without !== undefined) return end('none', without);
  try {
    return { ...turns, contestant: await startContestant(peer, scenario, place), over: undefined };
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error;
    // weft's proxy refuses by name what it cannot do; of the others that is a mistake of this bench or the machine.
    return end(peer.name === 'weft' ? 'not yet' : 'failed', error.message);
  }
}

async function takeTurns(
  all: readonly Turns[],
  { name, measure }: Scenario,
  settings: Settings,
  bench: Bench,
): Promise<void> {
  const rounds = Math.min(settings.rounds, measure.maxRounds ?? settings.rounds);
  for (let round = 0; round <= rounds; round++) {
    for (const turns of all) {
      if (turns.contestant === undefined || turns.over !== undefined) continue;
      bench.progress(`${name} ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`} ${turns.peer}`);
      try {
        if (round === 0) turns.once = await measure.warmUp(turns.contestant, settings);
        else turns.rounds.push(await measure.round(turns.contestant, settings));
      } catch (error) {
        const reason = turns.contestant.epitaph() ?? (error as Error).message;
        turns.over = { peer: turns.peer, state: 'failed', reason };
      }
    }
  }
}

function resultOf({ peer, over, once, rounds }: Turns): PeerResult {
  if (over !== undefined) return over;
  const keys = Object.keys(rounds[0] ?? {});
  const medians = keys.map((key) => [key, median(rounds.map((values) => values[key] ?? Number.NaN))]);
  return { peer, state: 'measured', values: { ...once, ...Object.fromEntries(medians) }, rounds };
}
