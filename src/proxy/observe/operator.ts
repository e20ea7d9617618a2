import type { Json } from '../../xds/resources.ts';
import type { StreamFacts } from './stream-facts.ts';

/** What an operator gives in text: undefined is printed as '-' (null in JSON). */
export type Operator = (facts: StreamFacts) => string | number | undefined;

/** An operator; `json` where its value in JSON is neither a text nor a number. */
export interface Command {
  readonly text: Operator;
  readonly json?: (facts: StreamFacts) => Json | undefined;
}

/** Makes an operator of what stands in its brackets; a text is why that cannot be. */
export type MakeCommand = (argument: string) => Command | string;

/** `10.0.0.1:80` -> `10.0.0.1`, `[::1]:80` -> `::1` */
export function addressOf(text: string | undefined): string | undefined {
  const colon = text?.lastIndexOf(':') ?? -1;
  if (text === undefined || colon < 0) return text;
  return text.startsWith('[') ? text.slice(1, colon - 1) : text.slice(0, colon);
}

export function portOf(text: string | undefined): number | undefined {
  const port = Number(text?.slice(text.lastIndexOf(':') + 1));
  return Number.isInteger(port) ? port : undefined;
}
