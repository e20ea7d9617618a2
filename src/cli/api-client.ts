import { lstatSync, readFileSync } from 'node:fs';
import { isLoopbackHost } from '../lib/loopback.ts';
import { apiTokenFile, userHomes } from '../local/state.ts';
import type { ApiError } from '../server/contract.ts';

/** Where the control plane's API is when nobody says otherwise. */
export const DEFAULT_API = 'http://127.0.0.1:20001';
const TIMEOUT_MS = 10_000;

/** The API cannot be reached, or does not know what it was asked. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
}

/** Environment variable with a token for the API. */
const TOKEN_VARIABLE = 'WEFT_API_TOKEN';

/** Asks the control plane. Rejects with an ApiFailure whose message is for the user. */
export function askApi<T>(api: string, path: string): Promise<T> {
  return callApi(api, path, 'GET');
}

/** Asks for something, or for a change. Who asks is shown by a token, where there is one (see {@link tokenFor}). */
export async function callApi<T>(api: string, path: string, method: 'GET' | 'POST' | 'DELETE'): Promise<T> {
  const url = URL.parse(path, api.includes('://') ? api : `http://${api}`);
  if (url === null) throw new ApiFailure(`${api} is no URL`);
  const token = tokenFor(url, process.env);
  let response = await send(url, method, token?.text);
  // A token of a run that was killed says nothing against whoever asks.
  if (response.status === 401 && token?.from === 'file') response = await send(url, method, undefined);
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok && body !== undefined) return body as T;
  const { error = `the answer ${response.status} is not understood` } = (body ?? {}) as Partial<ApiError>;
  const hint = response.status === 401 ? `; ${TOKEN_VARIABLE} takes a token` : '';
  throw new ApiFailure(`${url.origin}: ${error}${hint}`);
}

async function send(url: URL, method: string, token: string | undefined): Promise<Response> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  try {
    return await fetch(url, { method, headers, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new ApiFailure(
      `no control plane answers at ${url.origin}; is the mesh up ("weft up")? --api names another address`,
    );
  }
}

interface Token {
  readonly text: string;
  readonly from: 'variable' | 'file';
}

/** Longest token file, bytes. */
const MAX_TOKEN_BYTES = 4096;

/**
 * The token to show at a URL: that of the environment, or the one that `weft up` has left for us. It is sent to this
 * machine, or over TLS, and only a file that nobody else could have written is believed.
 */
export function tokenFor(url: URL, env: NodeJS.ProcessEnv): Token | undefined {
  const isHere = isLoopbackHost(url.hostname);
  if (!isHere && url.protocol !== 'https:') return undefined;
  const given = env[TOKEN_VARIABLE];
  if (given) return { text: given, from: 'variable' };
  if (!isHere) return undefined;
  for (const home of userHomes(env)) {
    const text = ownText(apiTokenFile(home, Number(url.port || 80)));
    if (text !== undefined) return { text, from: 'file' };
  }
  return undefined;
}

/** A file's text where it is ours alone. */
function ownText(file: string): string | undefined {
  try {
    const { uid, mode, size } = lstatSync(file);
    const isOurs = process.getuid === undefined || uid === process.getuid();
    if (!isOurs || (mode & 0o077) !== 0 || size > MAX_TOKEN_BYTES) return undefined;
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
