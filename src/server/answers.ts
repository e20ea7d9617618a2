import type {
  CaReport,
  DenialsReport,
  ExplainAnswer,
  ExplainQuestion,
  MtlsPlan,
  MtlsPlanQuestion,
  ObjectAnswer,
  ObjectQuestion,
  ProxiesReport,
  StatusReport,
} from './contract.ts';

/** What the API is asked about, answered by the control plane. */
export interface ApiAnswers {
  status(): StatusReport | Promise<StatusReport>;
  proxies(): ProxiesReport;
  ca(): CaReport;
  /** What policies denied under a reference; the last of all for ''. */
  denials(id: string): DenialsReport;
  /** The configuration of a proxy as Envoy's config_dump; undefined where there is no such proxy. */
  dump(proxy: string, parts: readonly string[]): object | undefined;
  explain(question: ExplainQuestion): ExplainAnswer;
  object(wanted: ObjectQuestion): ObjectAnswer | undefined;
  /** What STRICT would do; undefined where nothing runs under the name. */
  mtlsPlan(question: MtlsPlanQuestion): Promise<MtlsPlan | undefined>;
  /** The first configuration has been read. */
  isReady(): boolean;
  /** Begins a rotation of the CA's root. Rejects with an Error whose message is for the user. */
  rotateCa(): Promise<void>;
  /** Forgets what is remembered of denials. */
  forgetDenials(): void;
}
