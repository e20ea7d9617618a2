/** Bounds the size of the rules that proxies get. */
const MAX_SERVICE_ACCOUNTS = 16;
const MAX_SERVICE_ACCOUNT_LENGTH = 320;

/** What is wrong with a list of `name` or `namespace/name`, or undefined. */
export function serviceAccountsProblem(accounts: readonly string[]): string | undefined {
  if (accounts.length > MAX_SERVICE_ACCOUNTS)
    return `${accounts.length} service accounts are too many for one list; at most ${MAX_SERVICE_ACCOUNTS}`;
  for (const account of accounts) {
    const parts = account.split('/');
    if (account.includes('*')) return `"${account}": "*" is not possible here; use principals`;
    if (parts.length > 2 || parts.includes('') || account.length > MAX_SERVICE_ACCOUNT_LENGTH)
      return `"${account}" is not a service account; write name or namespace/name`;
  }
  return undefined;
}

/** What is wrong with a text that may have one `*`, first or last, or undefined. */
export function wildcardTextProblem(text: string): string | undefined {
  if (text === '') return 'this entry is empty; fill it in, or write "*" for "any, but there must be one"';
  const first = text.indexOf('*');
  if (first < 0) return undefined;
  const oneAtAnEnd = text.indexOf('*', first + 1) < 0 && (first === 0 || first === text.length - 1);
  return oneAtAnEnd ? undefined : `"${text}": one "*" is possible, at the beginning or at the end`;
}

/** What is wrong with a trust domain, or undefined. */
export function trustDomainProblem(domain: string): string | undefined {
  return (
    wildcardTextProblem(domain) ??
    (domain.includes('/') ? `"${domain}" is not a trust domain: it has a "/"` : undefined)
  );
}
