import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { type Answer, askExec, askHttp, askTcp } from './attempt.ts';
import { RunningProbe } from './run.ts';
import { NEW_PROBE, withAnswer } from './verdict.ts';

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

describe('one question', () => {
  it('HTTP: 200 to 399 is yes, the rest is no, and headers are sent', async () => {
    const server = createHttpServer((request, response) => {
      response.statusCode = request.headers['x-ask'] === 'nicely' ? Number(request.url?.slice(1)) : 500;
      response.end('x'.repeat(100_000));
    });
    const port = await listen(server);
    const ask = (status: number, path = `/${status}`): Promise<Answer> =>
      askHttp({
        target: { host: '127.0.0.1', port },
        secure: false,
        path,
        headers: [['X-Ask', 'nicely']],
        timeoutMs: 2000,
      });
    expect((await ask(200)).ok).toBe(true);
    expect((await ask(302)).ok).toBe(true);
    expect(await ask(503)).toEqual({ ok: false, detail: 'HTTP 503' });
    server.close();
  });

  it('HTTP: silence is no', async () => {
    const server = createServer(() => {});
    const port = await listen(server);
    const target = { host: '127.0.0.1', port };
    const answer = await askHttp({ target, secure: false, path: '/', headers: [], timeoutMs: 50 });
    expect(answer).toEqual({ ok: false, detail: 'no answer within 50 ms' });
    server.close();
  });

  it('TCP: a listener is yes, none is no', async () => {
    const server = createServer();
    const port = await listen(server);
    expect((await askTcp({ host: '127.0.0.1', port }, 2000)).ok).toBe(true);
    await new Promise((resolve) => server.close(resolve));
    expect(await askTcp({ host: '127.0.0.1', port }, 2000)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('a command: code 0 is yes, any other, a hanging one and a missing one are no', async () => {
    const ask = (script: string, timeoutMs = 5000): Promise<Answer> =>
      askExec({ argv: ['/bin/sh', '-c', script], env: { A: '1' }, cwd: '/', timeoutMs });
    expect((await ask('test $A = 1')).ok).toBe(true);
    expect((await ask('exit 4')).detail).toBe('code 4');
    expect((await ask('exec sleep 60', 50)).detail).toBe('SIGKILL');
    expect((await askExec({ argv: ['/no/such'], env: {}, cwd: '/', timeoutMs: 50 })).ok).toBe(false);
  });
});

describe('withAnswer', () => {
  it('counts answers in a row', () => {
    const thresholds = { successThreshold: 2, failureThreshold: 3 };
    let state = NEW_PROBE;
    const verdicts = [true, true, false, false, true, false, false, false, true, true].map((answer) => {
      state = withAnswer(state, answer, thresholds);
      return state.verdict;
    });
    expect(verdicts).toEqual([
      'unknown',
      'passed',
      'passed',
      'passed',
      'passed',
      'passed',
      'passed',
      'failed',
      'failed',
      'passed',
    ]);
  });
});

describe('RunningProbe', () => {
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  const run = (eager: boolean) => {
    const clock = manualClock();
    const world = { ok: false, asked: 0, verdicts: [] as boolean[] };
    const pace = { initialDelayMs: 1000, periodMs: 2000, successThreshold: 1, failureThreshold: 2 };
    const ask = async (): Promise<Answer> => {
      world.asked++;
      return { ok: world.ok, detail: '' };
    };
    const probe = new RunningProbe(pace, eager, ask, clock, (passed) => world.verdicts.push(passed));
    const advance = async (ms: number): Promise<void> => {
      for (let i = 0; i < ms; i += 50) {
        clock.advance(50);
        await settle();
      }
    };
    return { world, probe, advance };
  };

  it('readiness: asks often until the first yes, then once a period', async () => {
    const { world, advance } = run(true);
    await advance(950);
    expect(world.asked).toBe(0);
    await advance(1000);
    expect(world.asked).toBeGreaterThanOrEqual(9);
    expect(world.verdicts).toEqual([]);
    world.ok = true;
    await advance(100);
    expect(world.verdicts).toEqual([true]);
    const { asked } = world;
    world.ok = false;
    await advance(4000);
    expect(world.asked).toBe(asked + 2);
    expect(world.verdicts).toEqual([true, false]);
  });

  it('liveness: fails after its threshold, and asks no more once stopped', async () => {
    const { world, probe, advance } = run(false);
    await advance(3000);
    expect(world.verdicts).toEqual([false]);
    probe.stop();
    const { asked } = world;
    await advance(10_000);
    expect(world.asked).toBe(asked);
  });
});
