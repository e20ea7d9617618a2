/**
 * What lowering hands back. A message is read field by field; whatever is not understood becomes a refusal with the
 * field's path. One wrong field never hides the next: all refusals of a resource are collected.
 */

/** Why a resource cannot be used: becomes the NACK's text, or ends the start. Nothing is ignored silently. */
export interface Refusal {
  /** Path of the field, as `filter_chains[0].filters[0].typed_config.codec_type`. */
  readonly field: string;
  /** A sentence for the person who wrote the configuration. */
  readonly message: string;
}

/** The value, or every reason why there is none. */
export type Lowered<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusals: readonly Refusal[] };

/**
 * Runs a lowering that reports through `refuse`: its value counts only if nothing was refused. What it returns after
 * a refusal is thrown away, so it may return a stand-in and read on.
 */
export function lowering<T>(read: (refuse: (field: string, message: string) => void) => T): Lowered<T> {
  const refusals: Refusal[] = [];
  const value = read((field, message) => refusals.push({ field, message }));
  return refusals.length === 0 ? { ok: true, value } : { ok: false, refusals };
}

/** The refusals as one text: `field: message`, separated by `; `. */
export function refusalText(refusals: readonly Refusal[]): string {
  return refusals.map(({ field, message }) => `${field}: ${message}`).join('; ');
}
