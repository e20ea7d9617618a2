import type { Origin } from './origin.ts';

/** What a policy does with a request that one of its rules takes. */
export type AuthorizationAction = 'allow' | 'deny' | 'audit' | 'custom';

/** Who may do what at a workload, as one AuthorizationPolicy says it. */
export interface AuthorizationPolicy {
  readonly origin: Origin;
  readonly action: AuthorizationAction;
  /** Only counted and logged: nobody is refused by it. */
  readonly observe: boolean;
  /** It does not hold where no proxy could enforce it; by default nothing is sent there then. */
  readonly ignoredWithoutProxy?: boolean;
  /** Name of who is asked, for `custom`. */
  readonly provider: string;
  /** None: nothing is ever taken. */
  readonly rules: readonly AuthorizationRule[];
}

/** Some source, some operation and all conditions must hold; an empty list holds always. */
export interface AuthorizationRule {
  readonly sources: readonly AttributeTests[];
  readonly operations: readonly AttributeTests[];
  readonly conditions: AttributeTests;
}

/** Tests that must all hold. */
export type AttributeTests = readonly AttributeTest[];

/** One attribute is one of `values`, if there are any, and none of `notValues`. */
export interface AttributeTest {
  readonly attribute: Attribute;
  /** What is in brackets: the header's name, or the claim's path. */
  readonly path: readonly string[];
  /** `*` at an end of a text stands for anything, alone for "there is one". */
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

export type Attribute = SourceAttribute | OperationAttribute;

/** What is known of who sends. */
export type SourceAttribute =
  | 'source.principal'
  | 'source.namespace'
  | 'source.serviceAccount'
  | 'source.trustDomain'
  | 'source.ip'
  | 'remote.ip'
  | 'request.auth.principal'
  | 'request.auth.audiences'
  | 'request.auth.presenter'
  | 'request.auth.claims'
  | 'request.headers';

/** What is known of what is done. */
export type OperationAttribute =
  | 'request.host'
  | 'request.method'
  | 'request.path'
  | 'destination.ip'
  | 'destination.port'
  | 'connection.sni'
  | 'metadata';

/** The policies that hold at a workload, each list with the mesh's own first, then the oldest first. */
export type Authorization = Readonly<Record<AuthorizationAction, readonly AuthorizationPolicy[]>>;

/** Somebody outside of the mesh's own rules who is asked about requests: an extension provider. */
export interface Authorizer {
  readonly kind: 'http' | 'grpc';
  /** Host name of the service, `NAMESPACE/` before it where it is meant in one namespace only. */
  readonly service: string;
  readonly port: number;
  readonly timeoutMs: number;
  /** Requests pass while it cannot be asked. */
  readonly failOpen: boolean;
  /** Status where it cannot be asked; 403 by default. */
  readonly statusOnError: number;
  readonly clearRouteCache: boolean;
  readonly body: AuthorizerBody | undefined;
  /** HTTP only, like all that follow: put before the request's path. */
  readonly pathPrefix: string;
  /** Of the client's request, beside those that are always told. Over gRPC: none for all of them. */
  readonly headersInCheck: readonly string[];
  readonly addedInCheck: Readonly<Record<string, string>>;
  /** `all`: all that are about the request, and not about the answer itself. */
  readonly headersUpstream: readonly string[] | 'all';
  readonly headersOnDeny: readonly string[];
  readonly headersOnAllow: readonly string[];
}

export interface AuthorizerBody {
  readonly maxBytes: number;
  readonly allowPartial: boolean;
  readonly asBytes: boolean;
}
