/** What active health checks know of one endpoint. */
export class CheckState {
  /** Checks fail; also before the first one. */
  failed: boolean;
  /** Waits for its first check, where that means that it counts for nothing. */
  pending: boolean;
  /** It passes, and says that it would rather have less to do. */
  degraded = false;
  /** The last failure was a time-out. */
  timedOut = false;
  /** It said itself that it must get nothing more. */
  immediatelyFailed = false;
  /** The control plane does not name it any more: it goes when it fails. */
  leaving = false;

  /** `checked`: there are checks. */
  constructor(checked: boolean, ignoreUnchecked: boolean) {
    this.failed = checked;
    this.pending = checked && ignoreUnchecked;
  }
}
