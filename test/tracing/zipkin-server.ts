/** A real Zipkin as a child process, with its spans in memory. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const VERSION = '3.4.4';
const IN_REPOSITORY = `io/zipkin/zipkin-server/${VERSION}/zipkin-server-${VERSION}-exec.jar`;
const GET = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get';
const INSTALL_TIMEOUT_MS = 300_000;

/**
 * The server's jar: `WEFT_ZIPKIN_JAR`, or the one in Maven's or the project's cache. With WEFT_REQUIRE_REAL_PARTS=1 it is
 * installed from Maven Central if need be; otherwise undefined where there is none.
 */
export async function zipkinForTests(): Promise<string | undefined> {
  const cache = fileURLToPath(new URL('../../.weft/maven', import.meta.url));
  const named = process.env['WEFT_ZIPKIN_JAR'];
  if (named !== undefined) return named;
  const places = [cache, join(homedir(), '.m2/repository')].map((folder) => join(folder, IN_REPOSITORY));
  const found = places.find((file) => existsSync(file));
  if (found !== undefined || process.env['WEFT_REQUIRE_REAL_PARTS'] !== '1') return found;
  const artifact = `-Dartifact=io.zipkin:zipkin-server:${VERSION}:jar:exec`;
  const options = ['-q', '-B', `-Dmaven.repo.local=${cache}`, GET, artifact, '-Dtransitive=false'];
  await promisify(execFile)('mvn', options, { timeout: INSTALL_TIMEOUT_MS });
  return places[0];
}

export interface Zipkin {
  readonly port: number;
  /** The traces it holds, as its API tells them. */
  traces(): Promise<readonly (readonly ZipkinSpan[])[]>;
  stop(): Promise<void>;
}

export interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind: string;
  readonly name: string;
  readonly shared?: boolean;
  readonly localEndpoint: { readonly serviceName: string };
  readonly tags: Readonly<Record<string, string>>;
}

/** Starts it on `port` of this machine, in 256 MB at most. */
export async function startZipkin(jar: string, port: number): Promise<Zipkin> {
  const child = spawn('java', ['-Xmx256m', '-jar', jar], {
    env: { ...process.env, QUERY_PORT: String(port), STORAGE_TYPE: 'mem' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => (output = (output + data).slice(-5000)));
  const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
  const untilMs = Date.now() + 90_000;
  while (
    !(await ask('/health').then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || Date.now() > untilMs) {
      await stop(child);
      throw new Error(`Zipkin did not start:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    port,
    traces: async () => (await (await ask('/api/v2/traces?limit=100')).json()) as ZipkinSpan[][],
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}
