/** What the text of a one-time token of the CA begins with (`weft ca token create`). */
export const JOIN_TOKEN_PREFIX = 'weft-join.';

/** Whether a token may be shown once only: whoever came with it goes on with its certificate. */
export function isJoinToken(token: string): boolean {
  return token.startsWith(JOIN_TOKEN_PREFIX);
}
