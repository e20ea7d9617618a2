/** A bounded load: `workers` loops over kept connections; what each request answered. */
import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Monotonic milliseconds at the request's start and end. */
  readonly startMs: number;
  readonly endMs: number;
  readonly error?: string;
}

const timeoutMs = 20_000;

/** One GET; never rejects: a failure is an answer with status 0. */
export function get(
  url: string,
  agent: Agent | undefined,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const startMs = performance.now();
  return new Promise((resolve) => {
    const fail = (error: Error): void =>
      resolve({ status: 0, body: '', headers: {}, startMs, endMs: performance.now(), error: error.message });
    const outgoing = request(
      url,
      { ...(agent === undefined ? {} : { agent }), headers, timeout: timeoutMs },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', fail);
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            body: Buffer.concat(chunks).toString(),
            headers: incoming.headers,
            startMs,
            endMs: performance.now(),
          }),
        );
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    outgoing.on('error', fail);
    outgoing.end();
  });
}

/** `total` requests by `workers` at a time. `each` sees every answer as it comes. */
export async function load(
  url: string,
  total: number,
  workers: number,
  each: (answer: Answer) => void = () => {},
): Promise<readonly Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: workers });
  const answers: Answer[] = [];
  let started = 0;
  await Promise.all(
    Array.from({ length: workers }, async () => {
      while (started < total) {
        started += 1;
        const answer = await get(url, agent);
        answers.push(answer);
        each(answer);
      }
    }),
  );
  agent.destroy();
  return answers;
}

/** A load that goes on until `stop()`; bounded to ten minutes. */
export function keepLoading(
  url: string,
  workers: number,
): { stop(): Promise<readonly Answer[]>; readonly answers: readonly Answer[] } {
  const agent = new Agent({ keepAlive: true, maxSockets: workers });
  const answers: Answer[] = [];
  const untilMs = performance.now() + 600_000;
  let stopped = false;
  const loops = Array.from({ length: workers }, async () => {
    while (!stopped && performance.now() < untilMs) answers.push(await get(url, agent));
  });
  return {
    answers,
    async stop() {
      stopped = true;
      await Promise.all(loops);
      agent.destroy();
      return answers;
    },
  };
}

/** Answers that are not 200. */
export function failures(answers: readonly Answer[]): readonly string[] {
  return answers.filter((a) => a.status !== 200).map((a) => `${a.status} ${a.error ?? a.body.slice(0, 120)}`);
}
