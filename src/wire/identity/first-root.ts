// How a workload knows that its certificate is of an older root: a trust bundle names the root of the present signer
// first. While the others are still trusted there is time to renew.

import { findPath } from './chain.ts';
import { certificatesFromPem } from './trust-bundle.ts';

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** Whether a chain (leaf first) leads to the first root of a bundle. True for texts that cannot be read: nothing follows from them. */
export function leadsToFirstRoot(chainPem: string, rootsPem: string, nowMs: number): boolean {
  try {
    const [leaf, ...intermediates] = certificatesFromPem(chainPem);
    const [first] = certificatesFromPem(rootsPem);
    if (leaf === undefined || first === undefined) return true;
    const rules = { anchors: [{ certificate: first }], extendedKeyUsage: CLIENT_AUTH, nowMs };
    return findPath(leaf, intermediates, rules).ok;
  } catch {
    return true;
  }
}
