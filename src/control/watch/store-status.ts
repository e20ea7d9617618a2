import { keyText } from '../../api/object.ts';
import type { Resource } from '../../api/resources.ts';
import type { Claim, Stray } from './claim.ts';
import type { OriginClaims } from './origin-claims.ts';
import type { ObjectStatus } from './status.ts';

/** The statuses of one origin. `liveOf` tells which resource is live under a key (as text). */
export function statusesOf(
  file: string,
  origin: OriginClaims,
  liveOf: (key: string) => Resource | undefined,
): ObjectStatus[] {
  return [
    ...origin.problems.map(({ line, message }): ObjectStatus => {
      return { file, line, state: 'invalid', errors: [{ field: '', message }], warnings: [] };
    }),
    ...origin.strays.map(strayStatus),
    ...[...origin.claims.values()].map((claim) => claimStatus(claim, origin, liveOf(keyText(claim.key)))),
  ];
}

function strayStatus({ provenance, validated }: Stray): ObjectStatus {
  const { key, valid, errors, warnings } = validated;
  const state = valid ? 'ok' : 'invalid';
  return {
    ...(key === undefined ? {} : { key }),
    file: provenance.file,
    line: provenance.line,
    state,
    errors,
    warnings,
  };
}

function claimStatus(claim: Claim, origin: OriginClaims, live: Resource | undefined): ObjectStatus {
  const { key, provenance, validated } = claim;
  const { file, line } = provenance;
  const isLive = live !== undefined && live === claim.good;
  const errors = [...validated.errors];
  if (claim.orphan !== undefined) errors.push({ field: '', message: orphanText(origin) });
  if (!isLive && live !== undefined) errors.push({ field: 'metadata.name', message: doubleText(live) });
  const sound = isLive && errors.length === 0;
  const state = sound ? 'ok' : isLive ? 'stale' : 'invalid';
  return { key, file, line, state, errors, warnings: validated.warnings };
}

function doubleText(live: Resource): string {
  const { kind, namespace, name } = live.key;
  const place =
    live.provenance.line > 0 ? `${live.provenance.file}:${live.provenance.line}` : live.provenance.file;
  return `${kind} ${namespace === '' ? '' : `${namespace}/`}${name} is already defined in ${place}, which counts; rename or remove one`;
}

function orphanText(origin: OriginClaims): string {
  const broken = origin.problems[0];
  const why = broken === undefined ? 'a document beside it is broken' : `line ${broken.line} cannot be read`;
  return `this object is not found in its file any more, but ${why}; its last good version stays until that is mended`;
}
