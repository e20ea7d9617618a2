import { FIELD, INVALID, kindOfName } from '../field-kind.ts';
import type { Entry, RecentEntries } from './encode-table.ts';
import { STATIC_INDEX_OF_NAME } from './static-table.ts';

/** How fields of a name are sent. */
export const RULE = {
  /** By index where the table has it; added to the table as long as that pays. */
  ADAPT: 0,
  /** Not sent: connection-specific, said by a pseudo-header, or no valid name. */
  OMIT: 1,
  /** Sent so that nobody on the way keeps it in a table (RFC 7541 §7.1.3). */
  NEVER: 2,
  /** Never added to the table: rarely the same twice. */
  PLAIN: 3,
  /** Only the value `trailers` is sent. */
  TE: 4,
  /** NEVER when short enough to be guessed, otherwise ADAPT. */
  COOKIE: 5,
} as const;

/** What the encoder knows of a name on one connection. */
export interface NameRule extends RecentEntries {
  /** Lower case. */
  readonly name: string;
  readonly rule: number;
  readonly staticIndex: number;
  readonly recent: Entry[];
  /** Additions to the table that may still be made; a hit earns more. A name that changes every time runs out. */
  credit: number;
  /** Fields sent while credit was 0. */
  missed: number;
}

const FIRST_CREDIT = 4;

const RULES: ReadonlyMap<string, number> = new Map([
  ['te', RULE.TE],
  ['cookie', RULE.COOKIE],
  ['authorization', RULE.NEVER],
  ['proxy-authorization', RULE.NEVER],
  ['set-cookie', RULE.PLAIN],
  ['host', RULE.OMIT],
]);

/** The rule of a lower-case name, pseudo-headers included. */
export function ruleOfName(name: string): NameRule {
  const kind = kindOfName(name);
  const omit = kind === FIELD.FORBIDDEN || (kind & INVALID) !== 0;
  return {
    name,
    rule: omit ? RULE.OMIT : (RULES.get(name) ?? RULE.ADAPT),
    staticIndex: STATIC_INDEX_OF_NAME.get(name) ?? 0,
    recent: [],
    credit: FIRST_CREDIT,
    missed: 0,
  };
}
