import { readFileSync } from 'node:fs';
import { fieldIn, type Refuse, refuseRest } from '../xds/match/refuse.ts';

/** config.core.v3.DataSource, without files that are watched. */
interface DataSource {
  readonly filename?: string;
  readonly inline_bytes?: string;
  readonly inline_string?: string;
  readonly environment_variable?: string;
}

/** Where data sources outside of messages are. */
export interface DataSources {
  /** The bytes, one character each; throws where there is no such file. */
  readFile(path: string): string;
  variable(name: string): string | undefined;
}

const SYSTEM: DataSources = {
  readFile: (path) => readFileSync(path, 'latin1'),
  variable: (name) => process.env[name],
};

/** The bytes of a data source, one character each: as bodies are on the wire here. */
export function readDataSource(
  source: DataSource,
  refuse: Refuse,
  field: string,
  sources: DataSources = SYSTEM,
): string {
  const { filename, inline_bytes, inline_string, environment_variable, ...rest } = source;
  refuseRest(refuse, field, rest);
  if (inline_bytes !== undefined) return atob(inline_bytes);
  if (inline_string !== undefined) return utf8(inline_string);
  if (filename !== undefined) return readFile(filename, sources, refuse, fieldIn(field, 'filename'));
  if (environment_variable === undefined) return '';
  const value = sources.variable(environment_variable);
  if (value === undefined)
    refuse(fieldIn(field, 'environment_variable'), `'${environment_variable}' is not set`);
  return utf8(value ?? '');
}

function readFile(path: string, sources: DataSources, refuse: Refuse, field: string): string {
  try {
    return sources.readFile(path);
  } catch (error) {
    refuse(field, `'${path}' cannot be read: ${(error as Error).message}`);
    return '';
  }
}

function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
