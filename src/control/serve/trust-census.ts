// Who has taken a step of the CA's rotation: from the open streams (what each proxy acknowledged), and from the list of
// certificates that are out (who is not here and will come back). Whoever was known and is away counts as missing, until
// it returns, its Pod is gone from the mesh, or its certificate has expired.

import type { CensusEntry } from '../../ca/rotation/census.ts';
import type { IssuedRecord, Ledger } from '../../ca/rotation/ledger.ts';
import type { Present } from '../../ca/rotation/rotation.ts';
import { parseSpiffeId, workloadIdentityOf, workloadSpiffeId } from '../../wire/identity/spiffe.ts';
import { typeUrls } from '../../xds/resources.ts';
import { standing } from '../../xds/served-type.ts';
import { workloadOf } from './admission.ts';
import type { AdsStream } from './ads-stream.ts';
import type { Fleet } from './fleet.ts';
import { ROOT_CA } from './secrets.ts';

/** One stream as the census sees it. */
interface Seen {
  readonly name: string;
  readonly pod: string;
  readonly spiffeId: string | undefined;
  /** It acknowledged the present bundle; undefined: it did not ask for the bundle. */
  readonly trusts: boolean | undefined;
}

/** Counts. The Pods that are in the mesh now are noted in the ledger. */
export function trustCensus(fleet: Fleet, ledger: Ledger, present: Present): readonly CensusEntry[] {
  const streams = fleet.streams().flatMap((stream) => seen(stream, fleet));
  const byIdentity = Map.groupBy(streams, ({ spiffeId }) => spiffeId);
  const counted = new Set<Seen>();
  const entries: CensusEntry[] = [];
  for (const record of ledger.outstanding()) {
    const own = (byIdentity.get(record.spiffeId) ?? []).filter(
      ({ pod }) => record.pod === undefined || record.pod === pod,
    );
    for (const one of own) counted.add(one);
    const isInMesh = isPodInMesh(record, fleet);
    if (isInMesh) ledger.sawInMesh(record);
    else if (own.length === 0 && record.wasInMesh) continue;
    entries.push(entryOf(record, own, present));
  }
  for (const { name, trusts } of streams.filter((one) => !counted.has(one)))
    if (trusts !== undefined)
      entries.push({ name, connected: true, trustsPresent: trusts, leafIsPresent: undefined });
  return [...entries, ...awayWithoutCertificate(fleet)];
}

function entryOf(record: IssuedRecord, own: readonly Seen[], present: Present): CensusEntry {
  const takesIt = record.inUse || !record.tells;
  const said = own.flatMap(({ trusts }) => trusts ?? []);
  return {
    name: nameOf(record),
    connected: own.length > 0,
    // Who does not ask for the bundle gets it with each certificate.
    trustsPresent: said.length > 0 ? said.every(Boolean) : takesIt && record.bundle === present.bundle,
    leafIsPresent: takesIt && record.issuer === present.signer,
  };
}

function seen(stream: AdsStream, fleet: Fleet): readonly Seen[] {
  const { proxy, peer } = stream;
  if (proxy === undefined) return [];
  const { name, namespace } = proxy.id;
  const spiffeId = peer && workloadSpiffeId(peer.identity);
  return [{ name: `${name}.${namespace}`, pod: name, spiffeId, trusts: trustOf(stream, fleet) }];
}

function trustOf(stream: AdsStream, fleet: Fleet): boolean | undefined {
  const type = stream.types.get(typeUrls.secret);
  if (type === undefined || !(type.wildcard || type.names.has(ROOT_CA))) return undefined;
  const { secrets, bytes } = fleet.state();
  const bundle = secrets.secretsFor(new Set([ROOT_CA]), undefined).map(bytes.of)[0];
  return bundle !== undefined && standing(type, bundle) === 'live';
}

/** Proxies that proved nothing and left: no certificate tells of them, but they may come back with an old bundle. */
function awayWithoutCertificate(fleet: Fleet): readonly CensusEntry[] {
  const { compiled } = fleet.state();
  return fleet.ended().flatMap((stream) => {
    const { proxy, peer } = stream;
    if (proxy === undefined || peer !== undefined || trustOf(stream, fleet) !== false) return [];
    if (workloadOf(proxy.id, compiled) === undefined) return [];
    const name = `${proxy.id.name}.${proxy.id.namespace}`;
    return [{ name, connected: false, trustsPresent: false, leafIsPresent: undefined }];
  });
}

function isPodInMesh({ pod, spiffeId }: IssuedRecord, fleet: Fleet): boolean {
  const namespace = namespaceOf(spiffeId);
  if (pod === undefined || namespace === undefined) return false;
  return workloadOf({ name: pod, namespace }, fleet.state().compiled) !== undefined;
}

function nameOf({ spiffeId, pod, address }: IssuedRecord): string {
  return pod === undefined ? `${spiffeId} at ${address}` : `${pod}.${namespaceOf(spiffeId) ?? ''}`;
}

function namespaceOf(spiffeId: string): string | undefined {
  const parsed = parseSpiffeId(spiffeId);
  return parsed.ok ? workloadIdentityOf(parsed.id)?.namespace : undefined;
}
