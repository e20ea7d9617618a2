// Messages of the SPIFFE Workload API. Source: spiffe/spiffe standards/workloadapi.proto; the service has no package.

import { createPrivateKey } from 'node:crypto';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { parseSpiffeId } from './spiffe.ts';
import { certificatesFromPem } from './trust-bundle.ts';

/** What a workload's software may know: its certificate with key, and whom it may trust. */
export interface WorkloadState {
  readonly spiffeId: string;
  /** Leaf first; absent while there is none. */
  readonly leaf: { readonly chainPem: string; readonly privateKeyPem: string };
  readonly rootsPem: string;
}

const SERVICE = '/SpiffeWorkloadAPI/';
export const FETCH_X509_SVID_PATH = `${SERVICE}FetchX509SVID`;
export const FETCH_X509_BUNDLES_PATH = `${SERVICE}FetchX509Bundles`;

const bytes = WireType.LengthDelimited;

/** X509SVIDResponse: one SVID with its key and the bundle of its trust domain. Secret. */
export function encodeX509Svids({ spiffeId, leaf, rootsPem }: WorkloadState): Uint8Array {
  const key = createPrivateKey(leaf.privateKeyPem).export({ type: 'pkcs8', format: 'der' });
  const svid = new BinaryWriter()
    .tag(1, bytes)
    .string(spiffeId)
    .tag(2, bytes)
    .bytes(derOf(leaf.chainPem))
    .tag(3, bytes)
    .bytes(key)
    .tag(4, bytes)
    .bytes(derOf(rootsPem))
    .finish();
  return new BinaryWriter().tag(1, bytes).bytes(svid).finish();
}

/** X509BundlesResponse: the bundle of the own trust domain, under its SPIFFE id. */
export function encodeX509Bundles({ spiffeId, rootsPem }: WorkloadState): Uint8Array {
  const parsed = parseSpiffeId(spiffeId);
  const name = parsed.ok ? `spiffe://${parsed.id.trustDomain}` : '';
  const entry = new BinaryWriter().tag(1, bytes).string(name).tag(2, bytes).bytes(derOf(rootsPem)).finish();
  return new BinaryWriter().tag(2, bytes).bytes(entry).finish();
}

/** Certificates one after another, without anything between, as SPIFFE wants them. */
function derOf(pem: string): Uint8Array {
  return Buffer.concat(certificatesFromPem(pem).map(({ raw }) => raw));
}
