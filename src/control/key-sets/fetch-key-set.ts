import { lookup as lookUp } from 'node:dns';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Cidr } from '../../lib/cidr.ts';
import { parseIpAddress } from '../../lib/ip-address.ts';
import { isFetchable } from './fetchable-address.ts';
import { keySetProblem } from './key-set-problem.ts';
import type { FetchKeySet } from './key-sets.ts';

/** Key sets are a few kilobytes. */
const MAX_BYTES = 512 * 1024;

/**
 * Fetches over HTTP or HTTPS (with the system's roots). No redirect is followed. Every address that the name resolves
 * to is looked at before anything is sent there: private ones only where `allowed` has them, so that nobody can make
 * the control plane read from inside the network what a policy's author could not. `resolve` looks names up.
 */
export function keySetFetcher(allowed: readonly Cidr[], resolve: typeof lookUp = lookUp): FetchKeySet {
  return (uri, timeoutMs) =>
    new Promise((done, reject) => {
      const url = new URL(uri);
      const problem = literalProblem(url.hostname, allowed);
      if (problem !== undefined) {
        reject(new Error(problem));
        return;
      }
      const options: RequestOptions = {
        lookup: checkedLookup(allowed, resolve),
        signal: AbortSignal.timeout(timeoutMs),
        headers: { accept: 'application/json' },
        agent: false,
      };
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (response) => {
        if (response.statusCode !== 200) {
          response.destroy();
          reject(new Error(`${uri} answers with status ${response.statusCode}`));
          return;
        }
        const parts: Buffer[] = [];
        let length = 0;
        response.on('data', (part: Buffer) => {
          length += part.length;
          if (length > MAX_BYTES) response.destroy(new Error(`${uri} is larger than ${MAX_BYTES} bytes`));
          else parts.push(part);
        });
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          const wrong = keySetProblem(text);
          if (wrong === undefined) done(text);
          else reject(new Error(`${uri} ${wrong}`));
        });
      });
      request.on('error', (error) =>
        reject(new Error(`${uri} cannot be fetched: ${reasonOf(error, timeoutMs)}`)),
      );
      request.end();
    });
}

function reasonOf(error: Error, timeoutMs: number): string {
  return error.name === 'TimeoutError' || error.name === 'AbortError'
    ? `no answer within ${timeoutMs} ms`
    : error.message;
}

function literalProblem(hostname: string, allowed: readonly Cidr[]): string | undefined {
  const text = hostname.replace(/^\[|\]$/g, '');
  if (parseIpAddress(text) === undefined || mayFetch(text, allowed)) return undefined;
  return refusal(text);
}

/** Resolves a name, and refuses it where any of its addresses may not be called. */
function checkedLookup(allowed: readonly Cidr[], resolve: typeof lookUp): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, '', 0);
        return;
      }
      const refused = addresses.find(({ address }) => !mayFetch(address, allowed));
      const [first] = addresses;
      if (refused !== undefined || first === undefined) {
        callback(
          new Error(refused === undefined ? `${hostname} has no address` : refusal(refused.address)),
          '',
          0,
        );
      } else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function mayFetch(text: string, allowed: readonly Cidr[]): boolean {
  const address = parseIpAddress(text);
  return address !== undefined && isFetchable(address, allowed);
}

function refusal(address: string): string {
  return `${address} is a private address; start the control plane with --jwks-allow ${address} if keys may come from there`;
}
