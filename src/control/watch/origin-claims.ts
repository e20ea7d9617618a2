import { kindIds } from '../../api/kinds.ts';
import { kindIdOf } from '../../api/object.ts';
import { type Claim, claimId, judge, makeClaim, type Stray } from './claim.ts';
import type { Change, ReadProblem } from './source.ts';

/** What one origin holds, and what it held before and cannot be said to have deleted. */
export interface OriginClaims {
  readonly claims: ReadonlyMap<string, Claim>;
  readonly strays: readonly Stray[];
  readonly problems: readonly ReadProblem[];
}

export const noClaims: OriginClaims = { claims: new Map(), strays: [], problems: [] };

/** What an origin holds after it was read anew. `nextAge` numbers claims that were not there before. */
export function readOrigin(
  before: OriginClaims,
  change: Extract<Change, { type: 'put' }>,
  nextAge: () => number,
): OriginClaims {
  const claims = new Map<string, Claim>();
  const strays: Stray[] = [];
  const byText = new Map([...before.claims.values()].map((claim) => [claim.text, claim]));
  for (const document of change.documents) {
    const validated = judge(document, byText.get(document.text));
    const { key } = validated;
    if (key === undefined || !keptKinds.has(kindIdOf(key)))
      strays.push({ provenance: document.provenance, validated });
    else {
      const id = claimId(key, claims);
      const last = before.claims.get(id);
      claims.set(id, makeClaim(document, validated, key, id, last, last?.age ?? nextAge()));
    }
  }
  const now = { claims, strays, problems: change.problems };
  for (const claim of before.claims.values()) {
    if (claims.has(claim.id) || claim.good === undefined) continue;
    const orphan = claim.orphan ?? { suspects: suspectsFor(claim, before) };
    if (now.problems.length > 0 || suspectsFor(claim, now) > orphan.suspects)
      claims.set(claim.id, { ...claim, orphan });
  }
  return now;
}

const keptKinds: ReadonlySet<string> = new Set(kindIds);

/**
 * How many documents of an origin may be what an object was turned into by mistake: a name or kind misspelled while it
 * was edited. An object that is missing was deleted on purpose, unless the origin cannot be read as a whole or the same
 * change brought such a document; then it stays until the origin is sound again.
 */
function suspectsFor(claim: Claim, origin: OriginClaims): number {
  const strays = origin.strays.filter(({ validated }) => !validated.valid);
  const claims = [...origin.claims.values()].filter(
    (other) => other.orphan === undefined && other.good === undefined && other.key.kind === claim.key.kind,
  );
  return strays.length + claims.length;
}
