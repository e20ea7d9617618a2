// How a workload knows that its certificate is of an older root: a trust bundle names the root of the present signer
// first. While the others are still trusted there is time to renew.

import { certificatesFromPem } from './trust-bundle.ts';

/** Whether a chain (leaf first) leads to the first root of a bundle. True for texts that cannot be read: nothing follows from them. */
export function leadsToFirstRoot(chainPem: string, rootsPem: string): boolean {
  try {
    const [first] = certificatesFromPem(rootsPem);
    // The CA made the chain, and nobody is judged by it here: that one of its links is the root's is all there is to know.
    return (
      first === undefined ||
      certificatesFromPem(chainPem).some((one) => one.checkIssued(first) && one.verify(first.publicKey))
    );
  } catch {
    return true;
  }
}
