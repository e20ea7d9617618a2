import type { Refuse } from '../../../xds/match/refuse.ts';
import type { HttpFilterContext } from '../../stream/http-filter.ts';
import type { TerminalKind } from '../../stream/terminal-kind.ts';
import type { Cluster } from '../../upstream/cluster.ts';

/**
 * What filters of a chain may ask of the proxy while they run: clusters, for filters that call somebody. A filter is
 * lowered before its chain exists; the chain's end is told of clusters when it is made, and says so here.
 */
export interface ChainParts {
  /** A cluster by name as it is now; undefined where there is none. */
  cluster(name: string): Cluster | undefined;
}

class LateParts implements ChainParts {
  known: ChainParts | undefined;

  cluster(name: string): Cluster | undefined {
    return this.known?.cluster(name);
  }
}

/** By the refusal function of the chain's lowering: every lowering has its own, and it is what filter and end share. */
const chains = new WeakMap<Refuse, LateParts>();

/** For a filter's lower(); of use once streams run. */
export function partsOf({ refuse }: HttpFilterContext): ChainParts {
  return lateParts(refuse);
}

/** The chain's end, which tells the chain's filters what it is told itself. */
export function tellingParts(kind: TerminalKind): TerminalKind {
  return {
    message: kind.message,
    lower(message, context) {
      const make = kind.lower(message, context);
      const late = lateParts(context.refuse);
      return (parts) => {
        late.known = parts;
        return make(parts);
      };
    },
  };
}

function lateParts(refuse: Refuse): LateParts {
  let late = chains.get(refuse);
  if (late === undefined) {
    late = new LateParts();
    chains.set(refuse, late);
  }
  return late;
}
