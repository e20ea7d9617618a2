import { isDnsLabel, wildcardHostProblem } from '../../check/host.ts';
import { portProblem } from '../../check/port.ts';
import type { Report } from '../../report.ts';
import { type Infer, message, text, uint32 } from '../../schema.ts';

/** A port by number. */
export const portSelector = message({}, { number: uint32 });
export type PortSelector = Infer<typeof portSelector>;

/** Where requests go: a host of the registry, one of its subsets, one of its ports (needed where it has several). */
export const destination = message({ host: text }, { subset: text, port: portSelector });
export type Destination = Infer<typeof destination>;

/** Host, subset and port. Whether they exist is for `weft analyze`. */
export function checkDestination(target: Destination | undefined, report: Report): void {
  if (target === undefined) return;
  const hostProblem =
    target.host === '*'
      ? 'a destination is one host; "*" is not possible here'
      : wildcardHostProblem(target.host);
  if (hostProblem !== undefined) report.error('host', hostProblem);
  if (target.subset !== undefined && target.subset !== '') checkSubsetName(target.subset, report, 'subset');
  checkPortSelector(target.port, report);
}

/** A port selector needs a number. */
export function checkPortSelector(port: PortSelector | undefined, report: Report): void {
  if (port === undefined) return;
  const problem =
    port.number === undefined
      ? 'number is required; write the port as port: {number: 80}'
      : portProblem(port.number);
  if (problem !== undefined) report.error(['port', 'number'], problem);
}

/** Names of subsets become part of cluster names. */
export function checkSubsetName(name: string, report: Report, field: string): void {
  if (name === '') report.error(field, 'the name of the subset is missing');
  else if (!isDnsLabel(name))
    report.error(field, `"${name}" is not the name of a subset; use at most 63 letters, digits and "-"`);
}
