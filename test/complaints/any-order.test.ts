/**
 * "Apply the DestinationRule first, wait a few seconds, then the VirtualService": routes, subsets, services and gateways
 * are applied and deleted in random order while clients call through weft's proxy and Envoy, and no request fails. 150
 * changes; `WEFT_CHANGES=1000` makes as many as it says, `WEFT_SEED` others.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { StatusReport } from '../../src/server/contract.ts';
import { eventually } from '../mesh/eventually.ts';
import { lacks, meshNeeds } from '../mesh/needs.ts';
import { type Mesh, runMesh } from '../mesh/run-mesh.ts';
import { diceFrom, type FileChange, randomChanges, wholeSet } from './any-order/changes.ts';
import { loaders, writeMesh } from './any-order/mesh.ts';

const count = Number(process.env['WEFT_CHANGES'] ?? 150);
const seed = Number(process.env['WEFT_SEED'] ?? 1);
/** Between two changes, at most: some come at once, some when the one before is in force. */
const LONGEST_PAUSE_MS = 150;

interface Stats {
  readonly requests: number;
  readonly failed: number;
  readonly failures: readonly { readonly atMs: number }[];
  readonly byPod: Readonly<Record<string, number>>;
}

describe.skipIf(lacks('any order', ...meshNeeds))('changes in any order', () => {
  let mesh: Mesh;
  afterAll(() => mesh?.stop());

  it(
    `${count} applies and deletes cost no request, on weft's proxy and on Envoy`,
    async () => {
      mesh = await runMesh({
        empty: true,
        prepare(folder) {
          writeMesh(folder);
          for (const change of wholeSet()) apply(folder, change);
        },
        isUp: async (gateway) => {
          await isLive(gateway);
        },
      });
      await untilAllLive(mesh);
      await Promise.all(loaders.map(({ pod }) => tell(mesh, pod, '/start')));
      const log: string[] = [];
      const dice = diceFrom(seed);
      for (const change of randomChanges(count, dice)) {
        apply(mesh.folder, change);
        log.push(
          `${Date.now()} ${change.file} ${change.text === undefined ? 'deleted' : change.text.replaceAll(/\s+/g, ' ')}`,
        );
        await new Promise((resolve) => setTimeout(resolve, dice() ** 2 * LONGEST_PAUSE_MS));
      }
      for (const change of wholeSet()) apply(mesh.folder, change);
      await untilAllLive(mesh);
      const all = await Promise.all(
        loaders.map(async (one) => ({ ...one, ...(await tell(mesh, one.pod, '/stop')) })),
      );
      for (const { through, requests, failed } of all)
        console.log(`${count} changes, ${through}: ${requests} requests, ${failed} failed`);
      const told = all
        .flatMap(({ through, failures }) => failures.map((failure) => ({ through, ...failure })))
        .sort((a, b) => a.atMs - b.atMs);
      expect(told.slice(0, 5), around(told[0]?.atMs, log)).toEqual([]);
      for (const { requests, failed } of all) {
        expect(failed).toBe(0);
        expect(requests).toBeGreaterThan(count / 2);
      }
    },
    120_000 + count * 300,
  );
});

/** As `kubectl apply` and `kubectl delete` do for files: whole, or gone. */
function apply(folder: string, { file, text }: FileChange): void {
  const path = join(folder, file);
  if (text === undefined) rmSync(path, { force: true });
  else {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }
}

async function isLive(gateway: string): Promise<void> {
  const status = await new Promise((resolve, reject) => {
    request(gateway, { headers: { host: 'web.example.com' }, timeout: 3_000 }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
  if (status !== 200) throw new Error(`${status}`);
}

/** Every object is in use, in its present version, on every proxy that it concerns. */
async function untilAllLive({ dashboard }: Mesh): Promise<void> {
  await eventually(async () => {
    const report = (await (await fetch(`${dashboard}/api/status`)).json()) as StatusReport;
    const late = report.configuration.filter(({ state, live }) => state !== 'ok' || live.proxies < live.of);
    expect(late).toEqual([]);
    expect(
      report.workloads.filter(({ ready, proxy }) => !ready || proxy === 'away' || proxy === 'pending'),
    ).toEqual([]);
  }, 60_000);
}

/** Asks a loader over the socket in its folder. */
function tell(mesh: Mesh, pod: string, path: string): Promise<Stats> {
  return new Promise((resolve, reject) => {
    request({ socketPath: join(mesh.folder, `${pod}.sock`), path }, (response) => {
      let text = '';
      response.on('data', (part) => (text += part));
      response.on('end', () => resolve(JSON.parse(text) as Stats));
    })
      .on('error', reject)
      .end();
  });
}

/** The changes before a failure, for its message. */
function around(atMs: number | undefined, log: readonly string[]): string {
  if (atMs === undefined) return '';
  const before = log.filter((line) => Number(line.split(' ')[0]) <= atMs);
  return `the changes before:\n${before.slice(-8).join('\n')}`;
}
