/** What all messages of TLS share: texts that come from somewhere, and fields that nobody knows. */
import type { DataSource } from '../../xds/tls-types.ts';

/** Reports a field: its path and a sentence. */
export type Refuse = (field: string, message: string) => void;

/** Reports each field that is left over after the known ones were taken. */
export function refuseRest(rest: object, field: string, refuse: Refuse): void {
  for (const key of Object.keys(rest)) {
    if (key !== '@type') refuse(`${field}.${key}`, 'is not supported by this proxy');
  }
}

/** The text of a DataSource: inline, base64 bytes, or a file. */
export function readSource(
  source: DataSource | undefined,
  field: string,
  environment: { readonly readFile: (path: string) => string },
  refuse: Refuse,
): string | undefined {
  if (source === undefined) return undefined;
  if (source.inline_string !== undefined) return source.inline_string;
  if (source.inline_bytes !== undefined) return atob(source.inline_bytes);
  if (source.filename === undefined) {
    refuse(field, 'takes inline_string, inline_bytes or filename');
    return undefined;
  }
  try {
    return environment.readFile(source.filename);
  } catch (error) {
    refuse(field, `cannot read ${source.filename}: ${(error as Error).message}`);
    return undefined;
  }
}
