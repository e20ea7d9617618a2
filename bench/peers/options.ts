import { parseArgs } from 'node:util';
import type { Settings } from './measure.ts';
import { PEER_NAMES, type PeerName, type WeftOptions } from './peers.ts';
import { SCENARIOS } from './scenario.ts';

export interface Options {
  readonly settings: Settings;
  /** Names of scenarios. */
  readonly only: readonly string[];
  readonly peers: readonly PeerName[];
  readonly output: 'text' | 'json';
  readonly weft: WeftOptions;
}

/** The message is for the person who typed the flags. */
export class WrongFlag extends Error {
  readonly code = 'WRONG_FLAG';
}

const MAX_ROUNDS = 100;
const MAX_SECONDS = 120;
const MAX_RATE = 20_000;
const MAX_CONNECTIONS = 1_000;
const MAX_IDLE = 10_000;

/** Reads the flags. @throws WrongFlag */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
      rate: { type: 'string', default: '1000' },
      connections: { type: 'string', default: '64' },
      idle: { type: 'string', default: String(MAX_IDLE) },
      only: { type: 'string', multiple: true, default: [] },
      peers: { type: 'string', multiple: true, default: [] },
      output: { type: 'string', short: 'o', default: 'text' },
      weft: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const { output } = values;
  if (output !== 'text' && output !== 'json') throw new WrongFlag(`-o ${output}: takes text or json`);
  return {
    settings: {
      rounds: Math.round(numberOf('rounds', values.rounds, MAX_ROUNDS)),
      seconds: numberOf('seconds', values.seconds, MAX_SECONDS),
      ratePerSecond: numberOf('rate', values.rate, MAX_RATE),
      connections: Math.round(numberOf('connections', values.connections, MAX_CONNECTIONS)),
      idleConnections: Math.round(numberOf('idle', values.idle, MAX_IDLE)),
    },
    only: namesOf(
      'only',
      values.only,
      SCENARIOS.map(({ name }) => name),
    ),
    peers: namesOf('peers', values.peers, PEER_NAMES),
    output,
    weft: { file: values.weft, profile: values.profile },
  };
}

function numberOf(flag: string, text: string, max: number): number {
  const value = Number(text);
  if (value > 0 && value <= max) return value;
  throw new WrongFlag(`--${flag} ${text}: takes a number above 0, up to ${max}`);
}

/** Names given once or more, or with commas; all where none is given. */
function namesOf<Name extends string>(
  flag: string,
  given: readonly string[],
  known: readonly Name[],
): readonly Name[] {
  const names = given.flatMap((text) => text.split(',')).filter((name) => name !== '');
  const wrong = names.find((name) => !known.includes(name as Name));
  if (wrong !== undefined) throw new WrongFlag(`--${flag} ${wrong}: takes ${known.join(', ')}`);
  return names.length === 0 ? known : (names as Name[]);
}
