/**
 * The proxies of the push benchmark: one process with many light clients, told what to do by its parent.
 */
import type { Node } from '../../src/xds/resources.ts';
import { typeUrls } from '../../src/xds/resources.ts';
import { type ClientTally, openLightClient } from './light-client.ts';

/** What the parent asks. */
export type Order =
  /** Opens one client for each node. */
  | {
      readonly kind: 'open';
      readonly port: number;
      readonly nodes: readonly Node[];
      readonly routes: readonly string[];
    }
  /** Begins to count anew. */
  | { readonly kind: 'mark' }
  /** Answers once so many clients have had something since the mark (all four types: `whole`), and then nothing for a while. */
  | {
      readonly kind: 'await';
      readonly clients: number;
      readonly whole: boolean;
      readonly quietMs: number;
      readonly limitMs: number;
    };

/** What it is told. */
export interface Outcome {
  /** Clients that had something since the mark. */
  readonly clients: number;
  readonly responses: number;
  readonly bytes: number;
  /** When the last response was answered: process.hrtime in ns, as text. */
  readonly lastAckNs: string;
  /** Why a stream ended, or that the limit was reached. */
  readonly problem: string | undefined;
}

const tallies: ClientTally[] = [];
let bytesAtMark = 0;

process.on('message', (order: Order) => void take(order));
process.on('disconnect', () => process.exit(0));

async function take(order: Order): Promise<void> {
  if (order.kind === 'open') open(order);
  else if (order.kind === 'mark') mark();
  else return void process.send?.(await outcome(order));
  process.send?.('done');
}

function open({ port, nodes, routes }: Extract<Order, { kind: 'open' }>): void {
  for (const node of nodes) tallies.push(openLightClient({ port, node, routes }));
}

function mark(): void {
  bytesAtMark = bytesSoFar();
  for (const tally of tallies) tally.sinceMark = 0;
}

async function outcome(order: Extract<Order, { kind: 'await' }>): Promise<Outcome> {
  const limitMs = performance.now() + order.limitMs;
  const isServed = order.whole ? hasEverything : (tally: ClientTally) => tally.sinceMark > 0;
  let problem: string | undefined;
  for (;;) {
    const served = tallies.filter(isServed);
    const quietMs = Number(process.hrtime.bigint() - lastAck()) / 1e6;
    if (served.length >= order.clients && quietMs >= order.quietMs) break;
    problem = tallies.find(({ ended }) => ended !== undefined)?.ended;
    if (performance.now() > limitMs)
      problem ??= `${served.length} of ${order.clients} after ${order.limitMs} ms`;
    if (problem !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return {
    clients: tallies.filter(({ sinceMark }) => sinceMark > 0).length,
    responses: tallies.reduce((sum, tally) => sum + tally.sinceMark, 0),
    bytes: bytesSoFar() - bytesAtMark,
    lastAckNs: String(lastAck()),
    problem,
  };
}

function hasEverything({ types }: ClientTally): boolean {
  return [typeUrls.cluster, typeUrls.endpoint, typeUrls.listener, typeUrls.route].every((one) =>
    types.has(one),
  );
}

function bytesSoFar(): number {
  return tallies.reduce((sum, { bytes }) => sum + bytes, 0);
}

function lastAck(): bigint {
  return tallies.reduce((last, { lastAckNs }) => (lastAckNs > last ? lastAckNs : last), 0n);
}
