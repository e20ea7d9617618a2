import { equalsLowerCase, type Headers } from '../headers.ts';

// The handful of fields that decide how a message is read, gathered in one pass over its head. The length of a name
// tells nearly always that it is none of them.

/** What framing, routing and connection handling need to know. */
export interface Facts {
  host: string;
  hostCount: number;
  /** Index of the Content-Length value in the headers, -1 when there is none. */
  contentLengthAt: number;
  contentLengthCount: number;
  /** The last value, '' when there is none. */
  transferEncoding: string;
  transferEncodingCount: number;
  /** All values joined by ',', '' when there are none. */
  connection: string;
  upgrade: string;
  expect: string;
}

/** Gathers the facts of a head. */
export function gatherFacts(headers: Headers): Facts {
  const facts: Facts = {
    host: '',
    hostCount: 0,
    contentLengthAt: -1,
    contentLengthCount: 0,
    transferEncoding: '',
    transferEncodingCount: 0,
    connection: '',
    upgrade: '',
    expect: '',
  };
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    switch (name.length) {
      case 4:
        if (equalsLowerCase(name, 'host')) {
          facts.host = headers[i + 1] as string;
          facts.hostCount++;
        }
        break;
      case 6:
        if (equalsLowerCase(name, 'expect')) facts.expect = joined(facts.expect, headers[i + 1] as string);
        break;
      case 7:
        if (equalsLowerCase(name, 'upgrade')) facts.upgrade = joined(facts.upgrade, headers[i + 1] as string);
        break;
      case 10:
        if (equalsLowerCase(name, 'connection'))
          facts.connection = joined(facts.connection, headers[i + 1] as string);
        break;
      case 14:
        if (equalsLowerCase(name, 'content-length')) {
          facts.contentLengthAt = i + 1;
          facts.contentLengthCount++;
        }
        break;
      case 17:
        if (equalsLowerCase(name, 'transfer-encoding')) {
          facts.transferEncoding = headers[i + 1] as string;
          facts.transferEncodingCount++;
        }
        break;
    }
  }
  return facts;
}

function joined(before: string, value: string): string {
  return before === '' ? value : `${before},${value}`;
}

/** Whether a comma-separated list holds a token, in any case. `lowerToken` must be lower case. */
export function listHas(list: string, lowerToken: string): boolean {
  if (list.length < lowerToken.length) return false;
  if (equalsLowerCase(list, lowerToken)) return true;
  if (!list.includes(',')) return false;
  return list.split(',').some((item) => equalsLowerCase(item.trim(), lowerToken));
}
