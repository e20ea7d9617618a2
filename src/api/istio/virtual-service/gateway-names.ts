import { fqdnProblem, isDnsLabel } from '../../check/host.ts';
import type { Report } from '../../report.ts';

/** The name that stands for all sidecars, in `gateways`. */
export const MESH_GATEWAY = 'mesh';

/** Gateways are named `name`, `namespace/name`, or the old way `name.namespace.svc...`. */
export function checkGatewayNames(names: readonly string[] | undefined, report: Report): void {
  for (const [i, name] of (names ?? []).entries()) {
    const slash = name.indexOf('/');
    if (slash < 0) checkBareName(name, report, i);
    else if (!isDnsLabel(name.slice(0, slash)) || !isDnsLabel(name.slice(slash + 1)))
      report.error(['gateways', i], `"${name}" is not the name of a Gateway; write namespace/name`);
  }
}

function checkBareName(name: string, report: Report, index: number): void {
  const problem = fqdnProblem(name);
  if (problem !== undefined) report.error(['gateways', index], problem);
  else if (name.includes('.')) {
    const [gateway, namespace] = name.split('.');
    report.warn(
      ['gateways', index],
      `"${name}" is the old way to name a Gateway; write ${namespace}/${gateway}`,
    );
  }
}
