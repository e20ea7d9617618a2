/** `example.com:8080`, `[::1]:80`, `example.com`: the name without brackets, in lower case, and the port or `absent`. */
export function parseAuthority(
  authority: string,
  absent: number,
): { readonly name: string; readonly port: number } {
  const [, bracketed, plain, port] =
    /^(?:\[([^\]]*)\]|([^:]*|[^:]*:[^:]*:.*?))(?::(\d{1,5}))?$/.exec(authority) ?? [];
  const name = (bracketed ?? plain ?? '').toLowerCase();
  const number = port === undefined ? absent : Number(port);
  return number > 65_535 ? { name: '', port: 0 } : { name, port: number };
}
