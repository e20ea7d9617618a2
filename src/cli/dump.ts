import { type Compiled, compile } from '../control/compile.ts';
import { configDump } from '../control/emit/config-dump.ts';
import { type InputFile, InputNotFound, readInputs } from '../control/watch/files/read-inputs.ts';
import { formatNodeId } from '../xds/names.ts';
import { exitCodes, type Io } from './io.ts';
import { offlineStore } from './offline-mesh.ts';

/** Flags of `weft dump`. */
export interface DumpOptions {
  /** `TYPE~NS/WORKLOAD`, TYPE `sidecar`, `gateway` or `router`. */
  readonly proxy: string;
}

/**
 * Runs `weft dump FILES --proxy TYPE~NS/WORKLOAD`: prints the xDS that one proxy gets, as an Envoy config_dump in JSON.
 * Exit code 0; 1 where an object is not valid (the others are compiled) or there is no such workload; 2 where a path
 * or the proxy's name makes no sense.
 */
export async function runDump(files: readonly string[], options: DumpOptions, io: Io): Promise<number> {
  const who = parseProxy(options.proxy);
  if (who === undefined) {
    io.err(
      `weft dump: --proxy is written TYPE~NAMESPACE/WORKLOAD, such as sidecar~default/reviews-v1 or gateway~istio-system/istio-ingressgateway\n`,
    );
    return exitCodes.misused;
  }
  let inputs: InputFile[];
  try {
    inputs = await readInputs(files, io);
  } catch (error) {
    if (!(error instanceof InputNotFound)) throw error;
    io.err(`weft dump: ${error.message}\n`);
    return exitCodes.misused;
  }
  return dumpOf(inputs, who, io);
}

interface ProxyName {
  readonly type: 'sidecar' | 'router';
  readonly namespace: string;
  readonly name: string;
}

const PROXY = /^(sidecar|gateway|router)~([a-z0-9-]+)\/([a-z0-9.-]+)$/;

function parseProxy(text: string): ProxyName | undefined {
  const [, type, namespace = '', name = ''] = PROXY.exec(text) ?? [];
  return type === undefined
    ? undefined
    : { type: type === 'sidecar' ? 'sidecar' : 'router', namespace, name };
}

function dumpOf(inputs: readonly InputFile[], who: ProxyName, io: Io): number {
  const store = offlineStore(inputs);
  const valid = reportStatuses(store.statuses(), io);
  const compiled = compile(store.resources(), { offline: true });
  const found = compiled
    .workloads()
    .find(
      ({ namespace, name, workload }) =>
        namespace === who.namespace && (name === who.name || workload === who.name),
    );
  if (found === undefined && Object.keys(standardLabels(who)).length === 0) {
    io.err(`weft dump: there is no workload ${who.namespace}/${who.name}${workloadHint(compiled)}\n`);
    return exitCodes.notFine;
  }
  const domain = `${who.namespace}.svc.cluster.local`;
  const nodeId = formatNodeId({ ...who, ip: found?.ip ?? '', name: found?.name ?? who.name, domain });
  const view = compiled.forProxy({ id: nodeId, metadata: { LABELS: standardLabels(who) } });
  if (view === undefined) throw new Error(`the node id ${nodeId} cannot be read back`);
  const dump = configDump({
    nodeId,
    version: String(compiled.revision),
    listeners: view.listeners(),
    clusters: view.clusters(),
    routes: view.routes(),
    endpoints: view.endpoints(),
  });
  io.out(`${JSON.stringify(dump, null, 2)}\n`);
  return valid ? exitCodes.fine : exitCodes.notFine;
}

/** Labels of Istio's standard gateways, which `weft up` adds where the files have none of their own. */
function standardLabels({ type, name }: ProxyName): Readonly<Record<string, string>> {
  const istio = type === 'router' ? /^istio-((?:in|e)gressgateway)$/.exec(name)?.[1] : undefined;
  return istio === undefined ? {} : { app: name, istio };
}

type Statuses = ReturnType<ReturnType<typeof offlineStore>['statuses']>;

/** Says what is left out, on standard error; false where anything is. */
function reportStatuses(statuses: Statuses, io: Io): boolean {
  const bad = statuses.filter(({ state }) => state !== 'ok');
  for (const { file, line, errors } of bad)
    for (const { field, message } of errors)
      io.err(`${file}:${line}: ${field === '' ? '' : `${field}: `}${message}\n`);
  return bad.length === 0;
}

function workloadHint(compiled: Compiled): string {
  const names = compiled.workloads().map(({ namespace, name }) => `${namespace}/${name}`);
  return names.length === 0 ? '; the files hold no workloads' : `; there are ${names.join(', ')}`;
}
