import { parseProtoDurationMs } from '../lib/duration.ts';
import type { Refuse } from '../xds/match/refuse.ts';
import type { Address } from '../xds/resources.ts';
import type { EndpointAddress } from './upstream/endpoint-set.ts';

// Kinds of fields that many messages have, read with a refusal where they are wrong.

/** Milliseconds of a proto duration; `absentMs` where there is none. Negative ones are refused. */
export function readDurationMs(
  text: string | undefined,
  absentMs: number,
  refuse: Refuse,
  field: string,
): number {
  if (text === undefined) return absentMs;
  const ms = parseProtoDurationMs(text);
  if (ms !== undefined && ms >= 0) return ms;
  refuse(field, `'${text}' is no duration`);
  return absentMs;
}

/** One of the names that are known; anything else is refused. */
export function readChoice<T extends string>(
  value: string | undefined,
  absent: T,
  known: readonly T[],
  refuse: Refuse,
  field: string,
): T {
  if (value === undefined) return absent;
  if ((known as readonly string[]).includes(value)) return value as T;
  refuse(field, `'${value}' is not supported by this proxy: only ${known.join(', ')}`);
  return absent;
}

/** An address of an endpoint. */
export function readAddress(
  address: Address | undefined,
  refuse: Refuse,
  field: string,
): EndpointAddress | undefined {
  const { socket_address, pipe } = address ?? {};
  if (pipe?.path !== undefined) return { kind: 'pipe', path: pipe.path };
  if (socket_address?.address === undefined || socket_address.port_value === undefined) {
    refuse(field, 'is no socket address or pipe');
    return undefined;
  }
  if (socket_address.protocol === 'UDP')
    refuse(`${field}.socket_address.protocol`, 'UDP is not supported here');
  return { kind: 'ip', host: socket_address.address, port: socket_address.port_value };
}
