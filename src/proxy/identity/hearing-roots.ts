import { decode } from '../../xds/decode.ts';
import { type MeshTrust, meshTrustOf } from '../../xds/mesh-trust.ts';
import { wellKnownNames } from '../../xds/names.ts';
import { messageOf, type Secret, typeUrls } from '../../xds/resources.ts';
import type { Configuration } from '../configure/configuration.ts';

type Applying = Pick<Configuration, 'apply' | 'needed' | 'warming'>;

/** The same configuration; tells of each trust bundle that it has taken. */
export function hearingRoots(configuration: Applying, onTrust: (trust: MeshTrust) => void): Applying {
  return {
    needed: configuration.needed,
    warming: configuration.warming,
    async apply(typeUrl, resources, removed) {
      const refused = await configuration.apply(typeUrl, resources, removed);
      if (typeUrl !== typeUrls.secret) return refused;
      const bundle = resources.find(({ name }) => name === wellKnownNames.trustBundle);
      if (bundle === undefined || refused.some(({ name }) => name === bundle.name)) return refused;
      const trust = meshTrustOf(decode<Secret>(messageOf(typeUrl), bundle.value));
      if (trust !== undefined) onTrust(trust);
      return refused;
    },
  };
}
