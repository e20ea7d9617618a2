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
  /** Trust domains that are trusted too, each with its roots; the own one may be among them. Default: none. */
  readonly trusted?: readonly { readonly trustDomain: string; readonly rootsPem: string }[];
}

const SERVICE = '/SpiffeWorkloadAPI/';
export const FETCH_X509_SVID_PATH = `${SERVICE}FetchX509SVID`;
export const FETCH_X509_BUNDLES_PATH = `${SERVICE}FetchX509Bundles`;

const bytes = WireType.LengthDelimited;

/** X509SVIDResponse: one SVID with its key and the bundle of its trust domain; those of other trust domains. Secret. */
export function encodeX509Svids(state: WorkloadState): Uint8Array {
  const { spiffeId, leaf, rootsPem } = state;
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
  const response = new BinaryWriter().tag(1, bytes).bytes(svid);
  for (const bundle of othersOf(state)) response.tag(3, bytes).bytes(entryOf(bundle));
  return response.finish();
}

/** X509BundlesResponse: the bundles of all trust domains, the own one first, under their SPIFFE ids. */
export function encodeX509Bundles(state: WorkloadState): Uint8Array {
  const own = { trustDomain: ownDomainOf(state), rootsPem: state.rootsPem };
  const response = new BinaryWriter();
  for (const bundle of [own, ...othersOf(state)]) response.tag(2, bytes).bytes(entryOf(bundle));
  return response.finish();
}

type Bundle = NonNullable<WorkloadState['trusted']>[number];

function othersOf(state: WorkloadState): readonly Bundle[] {
  const own = ownDomainOf(state);
  return (state.trusted ?? []).filter(({ trustDomain }) => trustDomain !== own);
}

function ownDomainOf({ spiffeId }: WorkloadState): string {
  const parsed = parseSpiffeId(spiffeId);
  return parsed.ok ? parsed.id.trustDomain : '';
}

/** An entry of a map of bundles by SPIFFE id. */
function entryOf({ trustDomain, rootsPem }: Bundle): Uint8Array {
  return new BinaryWriter()
    .tag(1, bytes)
    .string(`spiffe://${trustDomain}`)
    .tag(2, bytes)
    .bytes(derOf(rootsPem))
    .finish();
}

/** Certificates one after another, without anything between, as SPIFFE wants them. */
function derOf(pem: string): Uint8Array {
  return Buffer.concat(certificatesFromPem(pem).map(({ raw }) => raw));
}
