import type { ObjectKey } from '../../api/object.ts';
import type { Resources } from '../../api/resources.ts';
import { StepMemo } from '../../lib/steps.ts';
import type { Origin } from '../../mesh/origin.ts';
import type { Workload } from '../../mesh/workload.ts';
import type { EmittedCluster, EmittedEndpoints, EmittedListener, EmittedRoutes } from '../emit/emitted.ts';
import type { Read, World, WorldSettings } from '../resolve/world.ts';
import type { ReadCertificate } from './certificate.ts';

/** What one proxy gets (control/compile.ts has it). */
export interface ProxyResources {
  listeners(): readonly EmittedListener[];
  clusters(): readonly EmittedCluster[];
  routes(names?: readonly string[]): readonly EmittedRoutes[];
  endpoints(names?: readonly string[]): readonly EmittedEndpoints[];
}

/** What the objects compile to. */
export interface CompiledMesh {
  forProxy(node: {
    readonly id: string;
    readonly metadata?: Readonly<Record<string, unknown>>;
  }): ProxyResources | undefined;
  locate(origin: Origin): { readonly file: string; readonly line: number } | undefined;
  /** What is odd between the objects. */
  findings?(): readonly FoundOdd[];
}

/** Something odd about an object, and where it is written. */
export interface FoundOdd {
  readonly key: ObjectKey;
  readonly field: string;
  readonly message: string;
  readonly file: string;
  readonly line: number;
}

/** Everything that an explanation is made of. */
export interface ExplainMesh {
  readonly compiled: CompiledMesh;
  /** The mesh model: who runs, what can be called. */
  readonly read: Read;
  /** Whether a workload's application listens at a port. */
  listens(workload: Workload, port: number): boolean;
  /** The key set whose tokens calls carry; undefined: whoever a token names has signed it. */
  readonly testKeys?: string;
  /** Reads certificates of Secrets; missing: every certificate of a Secret is taken for a good one. */
  readonly readCertificate?: ReadCertificate;
  /** Unix time by which tokens are judged; undefined: they are always in time. */
  readonly nowSeconds?: number;
}

/** The mesh of some objects and of what they compile to, with the same settings. */
export function explainMesh(
  resources: Resources,
  settings: WorldSettings,
  compiled: CompiledMesh,
  listens: ExplainMesh['listens'] = () => true,
): ExplainMesh {
  const { testKeys } = settings;
  const read = new StepMemo<World>({ resources, settings });
  return { compiled, read, listens, ...(testKeys === undefined ? {} : { testKeys }) };
}
