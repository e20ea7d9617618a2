/**
 * What the HTTP API of the control plane says: types only. In: nothing. Out: nothing. Written by the control plane
 * (src/control), read by the dashboard and by the commands `status` and `proxies`. Fields are only ever added.
 * Times are wall time in milliseconds since 1970, durations and ages in milliseconds, memory in bytes.
 */

/** GET /api/status. */
export interface StatusReport {
  /** Of weft. */
  readonly version: string;
  readonly nowMs: number;
  readonly startedAtMs: number;
  /** Goes up with each change of the configuration. */
  readonly revision: number;
  readonly trustDomain: string;
  readonly workloads: readonly WorkloadStatus[];
  readonly proxies: readonly ProxyStatus[];
  readonly configuration: readonly ObjectReport[];
  /** What is odd between objects that are each valid. */
  readonly findings: readonly FindingReport[];
  /** Processes of the mesh and what they use, as far as the platform tells; the control plane itself is always there. */
  readonly processes: readonly PartStatus[];
  /** What the platform cannot run as it is written. */
  readonly problems: readonly ProblemReport[];
}

/** GET /api/proxies. */
export interface ProxiesReport {
  readonly nowMs: number;
  readonly proxies: readonly ProxyStatus[];
}

/** GET /api/explain?from=WHO&request=METHOD+URL&header=NAME:+VALUE&claims=JSON&plaintext=true */
export interface ExplainQuestion {
  readonly from: string;
  readonly request: string;
  readonly headers: readonly string[];
  readonly plaintext: boolean;
  /** Claims of the token that is sent along. */
  readonly jwt?: Readonly<Record<string, unknown>>;
}

/** What is told; or why there is nothing to tell. `told` has the shape of control/explain's Told. */
export type ExplainAnswer =
  | { readonly told: object }
  /** `misused`: the question makes no sense, else nobody is called so. */
  | { readonly problem: string; readonly misused: boolean };

/** GET /api/object?kind=K&namespace=NS&name=N; kind as people write it. */
export interface ObjectQuestion {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** One object, and where it is in use. 404 where there is none of this name. */
export interface ObjectAnswer {
  readonly nowMs: number;
  readonly object: ObjectReport;
  readonly proxies: readonly ObjectAtProxy[];
  /**
   * Of kinds of the Kubernetes Gateway API that are weft's: `status` as it would stand in a cluster, with
   * observedGeneration where the object has a generation, but for the times of transitions.
   */
  readonly status?: GatewayApiReport;
  /** No proxy holds anything of it, and there is one that gets it when its workload first needs it. */
  readonly onDemand: boolean;
}

/** `status` of an object of the Kubernetes Gateway API; further fields are those of its kind. */
export interface GatewayApiReport {
  readonly conditions?: readonly ConditionReport[];
  readonly listeners?: readonly {
    readonly name: string;
    readonly attachedRoutes: number;
    readonly conditions: readonly ConditionReport[];
  }[];
  /** Of routes: what became of each reference to a parent. */
  readonly parents?: readonly {
    readonly parentRef: ReferenceReport;
    readonly controllerName: string;
    readonly conditions: readonly ConditionReport[];
  }[];
  /** Of policies: for whom they hold. */
  readonly ancestors?: readonly {
    readonly ancestorRef: ReferenceReport;
    readonly controllerName: string;
    readonly conditions: readonly ConditionReport[];
  }[];
}

export interface ReferenceReport {
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly sectionName?: string;
  readonly port?: number;
}

export interface ConditionReport {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}

/** One object at one proxy that it concerns. */
export interface ObjectAtProxy {
  /** `NAME.NAMESPACE`. */
  readonly proxy: string;
  readonly state: 'live' | 'pending' | 'refused';
  /** The proxy's answer that took, or refused, the last of it; it may have been in use longer. Absent while pending. */
  readonly sinceMs?: number;
  /** Why it was refused. */
  readonly message?: string;
}

/** GET /api/mtls-plan?namespace=NS&workload=NAME&lookBackMs=N&atLeastMs=N */
export interface MtlsPlanQuestion {
  readonly namespace: string;
  /** Name of a Deployment (or of what stands for it); undefined: the whole namespace. */
  readonly workload: string | undefined;
  /** What was last seen longer ago does not count. */
  readonly lookBackMs: number;
  /** What was observed for less time than this is not judged safe. */
  readonly atLeastMs: number;
}

/**
 * What STRICT would do.
 * - `strict`: it holds already.
 * - `safe`: all that was seen came with TLS of the mesh.
 * - `breaks`: somebody called without.
 * - `unknown`: too little was seen to tell.
 */
export type MtlsVerdict = 'strict' | 'safe' | 'breaks' | 'unknown';

/** The answer to it. 404 where there is nothing of this name. */
export interface MtlsPlan {
  readonly nowMs: number;
  readonly namespace: string;
  readonly workload?: string;
  readonly lookBackMs: number;
  readonly atLeastMs: number;
  readonly verdict: MtlsVerdict;
  readonly workloads: readonly MtlsWorkloadPlan[];
  /** PeerAuthentications to apply now, which break nothing that was seen; empty where there are none. */
  readonly apply: readonly object[];
}

/** One workload with a proxy, or (`noProxy`) without, to which no PeerAuthentication applies. */
export interface MtlsWorkloadPlan {
  readonly workload: string;
  readonly verdict: MtlsVerdict;
  readonly noProxy: boolean;
  /** Sentences: why it is not `safe`. */
  readonly reasons: readonly string[];
  /** Absent: nothing of it was observed. */
  readonly observedSinceMs?: number;
  readonly ports: readonly MtlsPortPlan[];
}

/** One port of a workload: its own, not a Service's. 0: what came to ports that no Service names. */
export interface MtlsPortPlan {
  readonly port: number;
  readonly mode: 'strict' | 'permissive' | 'disable';
  /** `quiet`: nothing came here. */
  readonly verdict: MtlsVerdict | 'quiet';
  /** Requests where it speaks HTTP, else connections; with TLS of the mesh, and without. */
  readonly mutual: number;
  readonly plaintext: number;
  readonly lastMutualMs?: number;
  readonly callers: readonly MtlsCaller[];
}

/** Who called without TLS of the mesh. */
export interface MtlsCaller {
  /** Empty where nobody has the address: somebody outside. */
  readonly namespace: string;
  readonly workload: string;
  /** The last one that it called from. */
  readonly address: string;
  readonly unit: 'requests' | 'connections';
  readonly count: number;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  /** STRICT would cut it off; else it has joined the mesh since, or has not been seen for long enough. */
  readonly breaks: boolean;
  readonly note: string;
}

/** GET /api/ca: the certificate authority and its rotation. Nothing secret. */
export interface CaReport {
  readonly nowMs: number;
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  /** `own`: made by weft; `folder`, `secret`: brought by the user. */
  readonly origin: 'own' | 'folder' | 'secret';
  /**
   * - `stable`: no rotation.
   * - `distribute`: the trust in the next CA goes out; the present one signs.
   * - `reissue`: the next CA signs; both are trusted until each certificate is replaced.
   * - `retire`: the trust in the CA before is withdrawn.
   */
  readonly phase: 'stable' | 'distribute' | 'reissue' | 'retire';
  readonly sinceMs: number;
  readonly startedAtMs?: number;
  /** How many proxies have taken this phase's step, of how many, and whom it waits for. */
  readonly progress: {
    readonly done: number;
    readonly of: number;
    readonly missing: readonly { readonly name: string; readonly why: string }[];
  };
  /** The certificate that signs, first. */
  readonly signer: CaCertificate;
  /** What is trusted now. */
  readonly roots: readonly CaCertificate[];
  /** Certificates of workloads that have not expired. */
  readonly leaves: { readonly total: number; readonly ofSigner: number };
  /** Parts of the CA that have used 50, 75 or 90 percent of their life. */
  readonly warnings: readonly string[];
  readonly problems: readonly string[];
  /** PEM of the roots. */
  readonly bundlePem: string;
}

/** One certificate of a CA. */
export interface CaCertificate {
  readonly subject: string;
  /** SHA-256, hex with colons. */
  readonly fingerprint: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * GET /api/denials?id=REFERENCE: what policies denied, or would have, the newest first; without `id` the last ones. Of
 * proxies that are connected to this control plane.
 */
export interface DenialsReport {
  readonly nowMs: number;
  /** How many are remembered. */
  readonly kept: number;
  /** How many were not looked at, because too many came at once. */
  readonly dropped: number;
  readonly denials: readonly DenialReport[];
  /** What policies that only observe would have denied since the control plane started, the most frequent first. */
  readonly observed: readonly ObservedDenials[];
}

/** Calls of one caller that one policy would have denied. */
export interface ObservedDenials {
  readonly policy: Pick<DenyingPolicy, 'kind' | 'namespace' | 'name'>;
  /** SPIFFE id, or the address of who has none. */
  readonly caller: string;
  /** `NAMESPACE/WORKLOAD` that was called. */
  readonly workload: string;
  /** At least: see `dropped`. */
  readonly count: number;
  readonly lastAtMs: number;
}

/** One request or connection that a policy denied, or would deny. Nothing in it is a secret. */
export interface DenialReport {
  /** What the caller got as x-request-id; of a connection its id in access logs (%STREAM_ID%). */
  readonly id: string;
  readonly atMs: number;
  /** `NAME.NAMESPACE` of the proxy that judged. */
  readonly proxy: string;
  /** `NAMESPACE/WORKLOAD` that was called. */
  readonly workload: string;
  readonly protocol: 'http' | 'tcp';
  /** HTTP status of the answer; 0 of a connection. */
  readonly status: number;
  /** Port that was called. */
  readonly port: number;
  readonly caller: {
    /** SPIFFE id that it proved; '' for none. */
    readonly principal: string;
    readonly address: string;
  };
  /** Of HTTP; the path without its query. */
  readonly request?: { readonly method: string; readonly host: string; readonly path: string };
  /** `would-deny`: by a policy that only observes. */
  readonly verdict: 'denied' | 'would-deny';
  readonly check: 'authorization' | 'token' | 'authorizer';
  /** In one sentence. */
  readonly why: string;
  /** The policy that decided, or, with `nearest`, the rule that came nearest to allowing it. */
  readonly policy?: DenyingPolicy;
  readonly nearest: boolean;
  /** What that rule asks, and what there was. */
  readonly values: readonly DeniedValue[];
  /** How many policies and rules there were to choose from. */
  readonly policies: number;
  readonly rules: number;
}

export interface DenyingPolicy {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Place among its rules, from 0; -1 where it is no single one. */
  readonly rule: number;
  readonly file: string;
  readonly line: number;
}

/** One thing that a rule asks. */
export interface DeniedValue {
  /** `source.principal`, `request.headers[x-a]`, as conditions of policies write it. */
  readonly attribute: string;
  readonly wanted: readonly string[];
  readonly unwanted: readonly string[];
  /** In parentheses where it is no value. */
  readonly was: string;
  readonly failed: boolean;
}

/** Any answer with a status of 400 and more. */
export interface ApiError {
  readonly error: string;
}

/** One thing that runs: a Pod or a WorkloadEntry. */
export interface WorkloadStatus {
  readonly namespace: string;
  /** What it belongs to: the Deployment. */
  readonly workload: string;
  /** Name of the Pod. */
  readonly pod: string;
  readonly serviceAccount: string;
  readonly ip: string;
  readonly ready: boolean;
  readonly dataPlane: 'weft' | 'envoy' | 'none';
  readonly gateway: boolean;
  /** Hostnames of the services it answers for. */
  readonly services: readonly string[];
  /** `none`: it has no proxy; `away`: it should have one, and it is not connected. */
  readonly proxy: ProxyState | 'away' | 'none';
  /** What its own process uses, as far as the platform tells. */
  readonly usage?: Usage;
  readonly proxyUsage?: Usage;
}

/**
 * - `synced`: it uses what it should.
 * - `pending`: something is on its way to it.
 * - `rejected`: it refused something and uses the last good version of that.
 */
export type ProxyState = 'synced' | 'pending' | 'rejected';

/** One proxy that is connected, or was until a while ago. */
export interface ProxyStatus {
  /** `NAME.NAMESPACE`, what commands take as PROXY. */
  readonly name: string;
  /** The xDS node id. */
  readonly node: string;
  readonly type: 'sidecar' | 'router';
  readonly dataPlane: 'weft' | 'envoy' | 'grpc' | 'unknown';
  /** Name and version as the proxy says. */
  readonly userAgent: string;
  readonly protocol: 'delta' | 'sotw';
  readonly connected: boolean;
  readonly connectedAtMs: number;
  /** SPIFFE id that it proved; '' on the port without authentication. */
  readonly identity: string;
  readonly state: ProxyState;
  readonly types: readonly ProxyTypeStatus[];
  /** From the change of an object to this proxy's answer, for the last change it was told of. */
  readonly lastPushMs?: number;
  /** When that answer came. */
  readonly lastPushAtMs?: number;
  readonly pushes: number;
  readonly rejections: number;
}

/** One type of resource at one proxy. */
export interface ProxyTypeStatus {
  /** `clusters`, `endpoints`, `listeners`, `routes`, `secrets`, or a type URL. */
  readonly type: string;
  readonly state: ProxyState;
  /** How many resources it was sent and holds. */
  readonly resources: number;
  readonly sentAtMs?: number;
  readonly ackedAtMs?: number;
  /** The last refusal, while what it is about was not replaced. */
  readonly nack?: NackReport;
}

export interface NackReport {
  readonly atMs: number;
  readonly message: string;
  /** Names of the resources that were refused. */
  readonly resources: readonly string[];
}

/** One document of the configuration. */
export interface ObjectReport {
  readonly group: string;
  /** '' where the text could not be read far enough. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** `ok`: live. `stale`: the last good version is live. `invalid`: nothing of it is live. */
  readonly state: 'ok' | 'stale' | 'invalid';
  readonly errors: readonly FieldReport[];
  readonly warnings: readonly FieldReport[];
  /** On how many of the connected proxies that it concerns its present version is in use. */
  readonly live: { readonly proxies: number; readonly of: number };
}

export interface FieldReport {
  /** Path such as `spec.http[0].route`; '' for the whole. */
  readonly field: string;
  readonly message: string;
  readonly line: number;
}

export interface ProblemReport {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface FindingReport {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly field: string;
  readonly message: string;
}

/** What one process uses. */
export interface Usage {
  /** CPU time over wall time since the last look, 1 is one core; at the first look since its start. */
  readonly cpu: number;
  readonly memoryBytes: number;
}

/** One process of the mesh. */
export interface PartStatus {
  readonly kind: 'control' | 'agent' | 'proxy' | 'app';
  /** `control`, `agent`, `NAMESPACE/POD proxy`, `NAMESPACE/POD app`. */
  readonly name: string;
  /** `running`, or what the platform does with it instead. */
  readonly state: string;
  readonly pid?: number;
  readonly restarts: number;
  /** How its last run ended. */
  readonly lastExit?: string;
  readonly usage?: Usage;
}
