/** Who this proxy is, from the bootstrap's node. */
export interface NodeInfo {
  readonly id: string;
  readonly cluster: string;
  /** Of its locality. */
  readonly zone?: string;
  readonly workload: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}
