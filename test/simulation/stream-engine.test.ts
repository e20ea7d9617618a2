import { expect, it } from 'vitest';
import { type Totals, World } from './world.ts';

/** `WEFT_SIMULATION_SCHEDULES=1000000`, `WEFT_SIMULATION_SEED=7`; a failure names the seed of its world. */
const schedules = Number(process.env['WEFT_SIMULATION_SCHEDULES'] ?? 100_000);
const first = Number(process.env['WEFT_SIMULATION_SEED'] ?? 1);
/** Schedules that are played in one proxy, so that its pools are not always fresh. */
const PER_WORLD = 50;

it(`${schedules} random schedules of bytes, cuts, time and changes: nothing leaks, nothing is mixed up`, {
  timeout: 120_000 + schedules * 20,
}, async () => {
  const startMs = Date.now();
  const sums: Record<string, number> = {};
  for (let played = 0, seed = first; played < schedules; played += PER_WORLD, seed++) {
    const totals = await playWorld(seed);
    for (const name of Object.keys(totals) as (keyof Totals)[]) sums[name] = (sums[name] ?? 0) + totals[name];
  }
  const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
  console.log(`simulation: ${schedules} schedules in ${seconds} s, ${JSON.stringify(sums)}`);
  for (const name of ['requests', 'answered', 'clientResets', 'retries', 'timeouts'])
    expect(sums[name], name).toBeGreaterThan(schedules / 100);
});

async function playWorld(seed: number): Promise<Totals> {
  const world = await World.start(seed);
  for (let i = 0; i < PER_WORLD; i++)
    await world.play().catch((error: Error) => {
      throw new Error(`seed ${seed}, schedule ${i}: ${error.stack}`);
    });
  return world.end().catch((error: Error) => {
    throw new Error(`seed ${seed}, at the end: ${error.message}`);
  });
}
