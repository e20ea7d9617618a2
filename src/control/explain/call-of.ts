import { type Call, parseCaller, parseTarget } from './call.ts';

/** A call as people write it: flags of a command, parameters of a question to the API. */
export interface WrittenCall {
  /** `NS/WORKLOAD`, `gateway:NS/NAME` or `outside`. */
  readonly from: string;
  /** `METHOD URL`; GET where there is only a URL. */
  readonly request: string;
  /** `NAME: VALUE` each. */
  readonly headers: readonly string[];
  readonly plaintext: boolean;
  /** Claims of a token. */
  readonly jwt?: Readonly<Record<string, unknown>>;
}

/** What is wrong with a call as it is written. */
export interface BadCall {
  readonly problem: string;
}

/** The call that is meant. */
export function callOf({ from, request, headers, plaintext, jwt }: WrittenCall): Call | BadCall {
  const caller = parseCaller(from);
  if (caller === undefined)
    return {
      problem: `--from ${from} is nobody; write NAMESPACE/WORKLOAD, gateway:NAMESPACE/NAME or outside`,
    };
  const [, method = 'GET', url = ''] = /^\s*(?:([A-Za-z]+)\s+)?(\S+)\s*$/.exec(request) ?? [];
  const target = parseTarget(url);
  if (target === undefined)
    return { problem: `--request '${request}' is no request; write 'METHOD http://host:port/path'` };
  const bad = headers.find((text) => headerOf(text) === undefined);
  if (bad !== undefined) return { problem: `--header '${bad}' is no header; write 'NAME: VALUE'` };
  const sent = headers.flatMap((text) => {
    const header = headerOf(text);
    return header === undefined ? [] : [header];
  });
  const call = { from: caller, target, method: method.toUpperCase(), headers: sent, sni: '', plaintext };
  return jwt === undefined ? call : { ...call, jwt };
}

function headerOf(text: string): readonly [string, string] | undefined {
  const [, name, value = ''] = /^([^\s:]+)\s*:\s*(.*)$/.exec(text) ?? [];
  return name === undefined ? undefined : [name.toLowerCase(), value];
}
