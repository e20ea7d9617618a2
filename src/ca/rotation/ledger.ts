// Which certificates are out: for each holder the last one issued, by whom, with which bundle, and whether the holder
// has said that it uses it. Kept on disk, so that a restart in the middle of a rotation forgets nobody. A certificate
// that has expired is nobody's concern any more. No keys, no tokens.

import {
  array,
  boolean,
  type infer as Infer,
  literal,
  object,
  optional,
  string,
  number as wholeNumber,
} from 'zod/mini';
import type { Clock, Timer } from '../../lib/clock.ts';

const LEAF = object({
  spiffeId: string(),
  /** The Pod (or the machine) that it was issued to, where that was proved. */
  pod: optional(string()),
  address: string(),
  serial: string(),
  /** Generation of the signer. */
  issuer: string(),
  /** Fingerprint of the trust bundle that came with it. */
  bundle: string(),
  notAfterMs: wholeNumber(),
  /** The holder said that it uses this one, or the one before of the same signer and bundle. */
  inUse: boolean(),
  /** The holder says so each time; who never does (other people's agents) is taken to use what it was issued. */
  tells: boolean(),
  /** Its Pod was in the mesh: when it is not any more, the holder is gone for good. */
  wasInMesh: boolean(),
});
const FILE = object({ format: literal(1), leaves: array(LEAF) });

/** One certificate that is out. */
export type IssuedRecord = Readonly<Infer<typeof LEAF>>;

/** What is noted when a certificate is issued. */
export type Issuance = Omit<IssuedRecord, 'inUse' | 'tells' | 'wasInMesh'> & {
  /** Serial of the certificate that the holder proved itself with. */
  readonly provedBySerial?: string | undefined;
};

/** Holders remembered; beyond it the one whose certificate ends first is forgotten. */
export const MAX_HOLDERS = 200_000;
/** Changes within this time are written together. */
const SAVE_DELAY_MS = 200;

/** The records, and where they are kept. */
export interface Ledger {
  note(issuance: Issuance): void;
  /** The holder of a serial uses it; false where `spiffeId` is not its holder's. */
  used(serial: string, spiffeId: string): boolean;
  /** The Pod of a holder is in the mesh. */
  sawInMesh(record: IssuedRecord): void;
  /** Those that have not expired. */
  outstanding(): readonly IssuedRecord[];
  /** Until then certificates may be out that nobody noted: the stored list could not be read. */
  readonly blindUntilMs: number | undefined;
  /** Writes what is due. */
  flush(): Promise<void>;
}

/** A ledger that begins with what was kept. `save` gets the whole text; it is called again only when it is done. */
export function openLedger(options: {
  readonly stored: string | undefined;
  readonly save: (text: string) => Promise<void>;
  readonly clock: Clock;
  /** Longest life of a certificate. */
  readonly maxTtlMs: number;
  readonly onError: (error: unknown) => void;
}): Ledger {
  const { clock, save, onError } = options;
  const byHolder = new Map<string, IssuedRecord>();
  const holderOf = new Map<string, string>();
  let timer: Timer | undefined;
  let saving: Promise<void> = Promise.resolve();

  const put = (holder: string, record: IssuedRecord): void => {
    const old = byHolder.get(holder);
    if (old !== undefined) holderOf.delete(old.serial);
    byHolder.delete(holder);
    byHolder.set(holder, record);
    holderOf.set(record.serial, holder);
  };
  const drop = (holder: string): void => {
    const old = byHolder.get(holder);
    if (old !== undefined) holderOf.delete(old.serial);
    byHolder.delete(holder);
  };
  const prune = (): void => {
    const nowMs = clock.nowMs();
    for (const [holder, { notAfterMs }] of byHolder) if (notAfterMs < nowMs) drop(holder);
  };
  const write = (): Promise<void> => {
    timer?.cancel();
    timer = undefined;
    prune();
    const text = `${JSON.stringify({ format: 1, leaves: [...byHolder.values()] })}\n`;
    saving = saving.then(() => save(text)).catch(onError);
    return saving;
  };
  const changed = (): void => {
    timer ??= clock.setTimeout(() => void write(), SAVE_DELAY_MS);
  };
  const stored = readRecords(options.stored, onError);
  for (const record of stored ?? []) put(holderKey(record), record);
  return {
    blindUntilMs: stored === undefined ? clock.nowMs() + options.maxTtlMs : undefined,
    note({ provedBySerial, ...issuance }) {
      const before = provedBySerial === undefined ? undefined : holderOf.get(provedBySerial);
      const known = before === undefined ? undefined : byHolder.get(before);
      const pod = issuance.pod ?? known?.pod;
      const record = { ...issuance, ...(pod !== undefined && { pod }) };
      const holder = holderKey(record);
      const last = known ?? byHolder.get(holder);
      if (before !== undefined && before !== holder) drop(before);
      const { tells = false, wasInMesh = false } = last ?? {};
      // The one that it uses until it uses this one is of the same signer and came with the same bundle.
      const inUse = last?.inUse === true && last.issuer === record.issuer && last.bundle === record.bundle;
      put(holder, { ...record, inUse, tells, wasInMesh });
      if (byHolder.size > MAX_HOLDERS) drop(endingFirst(byHolder));
      changed();
    },
    used(serial, spiffeId) {
      const holder = holderOf.get(serial);
      const record = holder === undefined ? undefined : byHolder.get(holder);
      if (holder === undefined || record?.spiffeId !== spiffeId) return false;
      put(holder, { ...record, inUse: true, tells: true });
      changed();
      return true;
    },
    sawInMesh(record) {
      const holder = holderKey(record);
      const current = byHolder.get(holder);
      if (current === undefined || current.wasInMesh) return;
      put(holder, { ...current, wasInMesh: true });
      changed();
    },
    outstanding() {
      prune();
      return [...byHolder.values()];
    },
    flush: () => (timer === undefined ? saving : write()),
  };
}

function holderKey({ spiffeId, pod, address }: Pick<IssuedRecord, 'spiffeId' | 'pod' | 'address'>): string {
  return pod === undefined ? `${spiffeId} @${address}` : `${spiffeId} ${pod}`;
}

function endingFirst(byHolder: ReadonlyMap<string, IssuedRecord>): string {
  let first = '';
  let endMs = Number.POSITIVE_INFINITY;
  for (const [holder, { notAfterMs }] of byHolder) {
    if (notAfterMs >= endMs) continue;
    first = holder;
    endMs = notAfterMs;
  }
  return first;
}

function readRecords(
  text: string | undefined,
  onError: (error: unknown) => void,
): readonly IssuedRecord[] | undefined {
  if (text === undefined) return [];
  try {
    return FILE.parse(JSON.parse(text)).leaves as readonly IssuedRecord[];
  } catch {
    // Without it a rotation would think that nobody is missing.
    onError(
      new Error('the list of issued certificates cannot be read; a rotation has to wait for their end'),
    );
    return undefined;
  }
}
