import type { Authorizer } from './authorization.ts';
import type { Origin } from './origin.ts';
import type { Age } from './service.ts';
import type { Session } from './session.ts';
import type { Labels } from './workload.ts';

// Where requests and connections go. One VirtualService, or one route of the Gateway API, becomes one RuleSet with
// all names written out; the same model whichever API it came from.

/** How a text must look. `regex` matches the whole text, in RE2's syntax; `present`: any text, even an empty one. */
export type TextMatch =
  | { readonly type: 'exact' | 'prefix' | 'regex'; readonly value: string; readonly ignoreCase?: boolean }
  | { readonly type: 'present' };

/** How a path must look; `segments`: the path itself or one below it. */
export type PathMatch = TextMatch | { readonly type: 'segments'; readonly value: string };

export interface NamedMatch {
  readonly name: string;
  readonly match: TextMatch;
  /** The request must not have it so. */
  readonly invert: boolean;
}

/** A claim, by its path, that is the text, or a list with it. */
export interface ClaimMatch {
  readonly path: readonly string[];
  readonly match: TextMatch;
  readonly invert: boolean;
}

/** Who may be meant by a match: the caller's side. */
export interface SourceMatch {
  /** Gateways as `NAMESPACE/NAME`, or `mesh` for sidecars; missing: those of the whole rule set. */
  readonly gateways?: readonly string[];
  readonly sourceLabels: Labels;
  readonly sourceNamespace: string;
  /** Port that was called; missing: any. */
  readonly port?: number;
}

/** Conditions on a request; all must hold. */
export interface HttpMatch extends SourceMatch {
  readonly name: string;
  /** Name of statistics of the requests that match; missing: none of their own. */
  readonly statPrefix?: string;
  readonly path?: PathMatch;
  readonly scheme?: TextMatch;
  readonly method?: TextMatch;
  readonly authority?: TextMatch;
  readonly headers: readonly NamedMatch[];
  readonly query: readonly NamedMatch[];
  /** Claims of a verified token; only gateways know them before they choose a route. */
  readonly claims: readonly ClaimMatch[];
}

export interface Destination {
  /** Full name of the service. */
  readonly host: string;
  /** '' for all of it. */
  readonly subset: string;
  /** Missing: the only port of the service, else the port that was called. */
  readonly port?: number;
}

export interface HeaderChanges {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

export interface HeaderPolicy {
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
}

export interface WeightedDestination {
  readonly destination: Destination;
  readonly weight: number;
  readonly headers?: HeaderPolicy;
  /** In place of the rule's. */
  readonly session?: Session;
  /** `spec.http[0].route[1]` of the object that names it. */
  readonly origin: Origin;
}

/** An answer that sends the client elsewhere; what is missing stays as it was. */
export interface Redirect {
  readonly type: 'redirect';
  readonly path?: string;
  readonly prefix?: string;
  readonly pathRegex?: { readonly match: string; readonly replacement: string };
  readonly authority?: string;
  readonly scheme?: string;
  /** A number, that of the request, the scheme's default where the request names none, or `scheme`: that one in any case. */
  readonly port?: number | 'default' | 'request' | 'scheme';
  readonly status: number;
}

/** An answer by the proxy itself. */
export interface DirectResponse {
  readonly type: 'respond';
  readonly status: number;
  readonly text?: string;
  readonly base64?: string;
}

export interface Forward {
  readonly type: 'forward';
  readonly destinations: readonly WeightedDestination[];
  /** Status of requests to a destination that does not exist; missing: the proxy's own, 503. */
  readonly missingStatus?: 404 | 500;
}

export type HttpAction = Forward | Redirect | DirectResponse;

export interface Rewrite {
  readonly path?: string;
  readonly pathRegex?: { readonly match: string; readonly replacement: string };
  readonly authority?: string;
}

export interface Retries {
  /** 0: none. */
  readonly attempts: number;
  readonly perTryTimeoutMs?: number;
  /** Envoy's conditions, comma-separated; status codes among them. */
  readonly retryOn?: string;
  readonly backoffMs?: number;
  readonly remoteLocalities: boolean;
  /** Missing: yes, where there is a choice. */
  readonly ignorePreviousHosts?: boolean;
}

export interface Fault {
  readonly delay?: { readonly delayMs: number; readonly percent: number };
  readonly abort?: { readonly httpStatus?: number; readonly grpcStatus?: number; readonly percent: number };
}

export interface Mirror {
  readonly destination: Destination;
  /** Of the requests, 0 to 100. */
  readonly percent: number;
}

export interface Cors {
  readonly origins: readonly TextMatch[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeMs?: number;
  readonly credentials?: boolean;
  readonly forwardUnmatchedPreflights?: boolean;
}

/** One rule for HTTP: the first whose match holds decides. */
export interface HttpRule {
  readonly name: string;
  /** Any of them; empty: everything. */
  readonly matches: readonly HttpMatch[];
  readonly action: HttpAction;
  readonly timeoutMs?: number;
  readonly retries?: Retries;
  readonly rewrite?: Rewrite;
  readonly fault?: Fault;
  readonly mirrors: readonly Mirror[];
  readonly headers?: HeaderPolicy;
  readonly cors?: Cors;
  readonly session?: Session;
  /** Who is asked whether a request may pass. */
  readonly authorizer?: Authorizer;
  /** `spec.http[0]` of the object that holds it. */
  readonly origin: Origin;
}

/** Conditions on a connection; all must hold. */
export interface ConnectionMatch extends SourceMatch {
  /** Ranges of the address that was called; empty: any. */
  readonly destinationSubnets: readonly string[];
  /** Range of the address that calls; missing: any. */
  readonly sourceSubnet?: string;
  /** Server names, `*.` before them for all below; empty: any. Only of TLS rules. */
  readonly sniHosts: readonly string[];
}

/** One rule for connections whose bytes are passed on. */
export interface ConnectionRule {
  readonly matches: readonly ConnectionMatch[];
  readonly destinations: readonly WeightedDestination[];
  readonly origin: Origin;
}

/** All rules of one object. */
export interface RuleSet {
  readonly namespace: string;
  readonly name: string;
  /** Full names, `*` or `*.` before them for all below. */
  readonly hosts: readonly string[];
  /** As `NAMESPACE/NAME`; `mesh` stands for all sidecars. */
  readonly gateways: readonly string[];
  /** Namespaces that see it, `*` for all. */
  readonly exportTo: readonly string[];
  readonly http: readonly HttpRule[];
  readonly tls: readonly ConnectionRule[];
  readonly tcp: readonly ConnectionRule[];
  readonly age: Age;
  readonly origin: Origin;
}

/** The gateway name that stands for all sidecars. */
export const MESH = 'mesh';
