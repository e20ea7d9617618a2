import type { Clock } from '../../lib/clock.ts';
import { type Headers, indexOfHeader, setHeader } from '../../wire/headers.ts';
import type { ManagerSettings } from './manager.ts';

// What a connection manager does to every response before it is sent: who serves, since when, by which way.

let lastSecond = Number.NaN;
let lastDate = '';

/** `Tue, 15 Nov 1994 08:12:31 GMT`; made once per second. */
function httpDate(clock: Clock): string {
  const second = Math.floor(clock.nowMs() / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastDate = new Date(second * 1000).toUTCString();
  }
  return lastDate;
}

/** Changes the headers in place. `requestId` is the request's, where it goes into the response. */
export function prepareResponse(
  headers: Headers,
  settings: ManagerSettings,
  clock: Clock,
  requestId: string | undefined,
): void {
  if (indexOfHeader(headers, 'date', 0) < 0) headers.push('date', httpDate(clock));
  if (settings.serverHeader !== 'pass-through') {
    const absent = indexOfHeader(headers, 'server', 0) < 0;
    if (absent) headers.push('server', settings.serverName);
    else if (settings.serverHeader === 'overwrite') setHeader(headers, 'server', settings.serverName);
  }
  if (settings.via !== '') appendVia(headers, settings.via);
  if (requestId !== undefined) setHeader(headers, 'x-request-id', requestId);
}

/** This proxy after whoever was on the way before. */
export function appendVia(headers: Headers, via: string): void {
  const i = indexOfHeader(headers, 'via', 0);
  if (i < 0) headers.push('via', via);
  else headers[i + 1] = `${headers[i + 1]}, ${via}`;
}
