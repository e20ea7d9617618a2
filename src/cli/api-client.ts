import type { ApiError } from '../server/contract.ts';

/** Where the control plane's API is when nobody says otherwise. */
export const DEFAULT_API = 'http://127.0.0.1:20001';
const TIMEOUT_MS = 10_000;

/** The API cannot be reached, or does not know what it was asked. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
}

/** Asks the control plane. Rejects with an ApiFailure whose message is for the user. */
export async function askApi<T>(api: string, path: string): Promise<T> {
  const url = URL.parse(path, api.includes('://') ? api : `http://${api}`);
  if (url === null) throw new ApiFailure(`${api} is no URL`);
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new ApiFailure(
      `no control plane answers at ${url.origin}; is the mesh up ("weft up")? --api names another address`,
    );
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok && body !== undefined) return body as T;
  const { error = `the answer ${response.status} is not understood` } = (body ?? {}) as Partial<ApiError>;
  throw new ApiFailure(`${url.origin}: ${error}`);
}
