import { spawn } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { SocketTarget } from '../network/pod-networks.ts';

// One question to an application: is it well? Each resolves with the answer and never rejects. What is asked for is
// kubelet's idea of it: HTTP 200-399, a connection, exit code 0.

/** An answer; `detail` says why when it is no. */
export interface Answer {
  readonly ok: boolean;
  readonly detail: string;
}

export interface HttpQuestion {
  readonly target: SocketTarget;
  readonly secure: boolean;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly timeoutMs: number;
}

/** GET; certificates are not looked at, as kubelet does not either. */
export function askHttp(question: HttpQuestion): Promise<Answer> {
  const { target, path, headers, secure } = question;
  return new Promise((resolve) => {
    const options = {
      ...target,
      path,
      agent: false as const, // a new connection every time: an old one proves nothing about who listens now
      headers: { 'User-Agent': 'kube-probe/1.34', Accept: '*/*', ...Object.fromEntries(headers) },
      signal: AbortSignal.timeout(question.timeoutMs),
      rejectUnauthorized: false,
    };
    const request = (secure ? httpsRequest : httpRequest)(options, (response) => {
      const status = response.statusCode ?? 0;
      resolve({ ok: status >= 200 && status < 400, detail: `HTTP ${status}` });
      response.on('error', () => {}); // its body is cut short below
      request.destroy();
    });
    request.on('error', (error) => resolve({ ok: false, detail: failure(error, question.timeoutMs) }));
    request.end();
  });
}

/** Opens a connection and closes it. */
export function askTcp(target: SocketTarget, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect(target);
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)));
    socket.on('connect', () => {
      resolve({ ok: true, detail: 'connected' });
      socket.destroy();
    });
    socket.on('error', (error) => resolve({ ok: false, detail: error.message }));
  });
}

export interface ExecQuestion {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly timeoutMs: number;
}

/** Runs a command. */
export function askExec(question: ExecQuestion): Promise<Answer> {
  const [command = '', ...args] = question.argv;
  const { env, cwd, timeoutMs } = question;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env,
      cwd,
      stdio: 'ignore',
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    child.on('error', (error) => resolve({ ok: false, detail: error.message }));
    child.on('exit', (code, signal) => resolve({ ok: code === 0, detail: signal ?? `code ${code}` }));
  });
}

function failure(error: Error, timeoutMs: number): string {
  return error.name === 'AbortError' || error.name === 'TimeoutError'
    ? `no answer within ${timeoutMs} ms`
    : error.message;
}
