import type { ServingNames } from '../ca/serving-certificate.ts';
import type { LifetimePolicy } from '../ca/sign.ts';
import type { Cidr } from '../lib/cidr.ts';
import type { ApiAuth } from '../server/guard.ts';
import type { ApiOptions } from '../server/http-api.ts';
import type { CompileSettings } from './compile.ts';
import type { ListenAddress } from './serve/grpc-server.ts';

/** What the control plane is started with. */
export interface ControlOptions extends CompileSettings {
  readonly version: string;
  /** Files and folders of resources. */
  readonly paths: readonly string[];
  /** Folder of the objects that the platform writes. */
  readonly platformObjects?: string;
  /** The platform's table of processes. */
  readonly platformStatusFile?: string;
  readonly trustDomain: string;
  /** Whether routes wait for what they lead to, and that for them (hold-back/); true by default. */
  readonly holdBack?: boolean;
  /** Folder of the CA's key, made at the first start. */
  readonly keyDir: string;
  /** The user's own CA in place of it. */
  readonly cacertsDir?: string;
  /** Keys of service-account tokens. Absent: only certificates prove who a proxy is. */
  readonly tokenJwksFile?: string;
  readonly tokenIssuer?: string;
  /** Where to write the trust bundle for clients. */
  readonly rootsFile?: string;
  readonly lifetime?: LifetimePolicy;
  /** xDS and CA with TLS; port 0 takes a free one. */
  readonly secure: ListenAddress;
  /** Names that proxies reach it by, beside the usual ones. */
  readonly names?: ServingNames;
  /** xDS without TLS, on loopback; absent: none. */
  readonly plain?: ListenAddress & { readonly authenticate: boolean };
  /** Private ranges that key sets (`jwksUri`) may be fetched from; default none. */
  readonly jwksAllow?: readonly Cidr[];
  /** HTTP API and dashboard. */
  readonly api: ApiOptions['listen'];
  /** Who may call the API without a proof; `loopback` by default (record 16). */
  readonly apiAuth?: ApiAuth;
  /** JSON: hashes of tokens and names in certificates, each with a role. */
  readonly apiUsersFile?: string;
  /** Where the token of an administrator is put while this runs, readable by its owner only. */
  readonly apiTokenFile?: string;
  readonly apiTls?: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string };
  /** Where changes are written down; `audit.log` beside the CA's key by default. */
  readonly auditFile?: string;
  readonly dashboardDir?: string;
  readonly allowedHosts?: readonly string[];
}
