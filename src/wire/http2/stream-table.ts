import { MAX_REMEMBERED_RESETS } from './limits.ts';
import { MAX_31_BITS } from './protocol.ts';
import { StreamSlots } from './stream-slots.ts';
import type { StreamState } from './stream-state.ts';

/** The open streams of a connection, and which ids have been used (RFC 9113 §5.1.1). */
export class StreamTable {
  readonly #streams = new StreamSlots();
  readonly #ownParity: number;
  #nextOwnId: number;
  /** Ids of streams that we reset lately, as a ring. */
  readonly #resets: number[] = [];
  #resetsAt = 0;
  /** Open streams by who opened them. */
  ownCount = 0;
  peerCount = 0;
  lastPeerId = 0;
  #peerIdsUsed = 0;

  constructor(role: 'client' | 'server') {
    this.#ownParity = role === 'client' ? 1 : 0;
    this.#nextOwnId = role === 'client' ? 1 : 2;
  }

  get size(): number {
    return this.#streams.size;
  }

  get idsExhausted(): boolean {
    return this.#nextOwnId > MAX_31_BITS;
  }

  get(id: number): StreamState | undefined {
    return this.#streams.get(id);
  }

  /** A snapshot, so that streams may end while it is walked. */
  all(): StreamState[] {
    return this.#streams.all();
  }

  /** An id below lastPeerId may then never have been used. */
  get peerSkippedIds(): boolean {
    return this.#peerIdsUsed * 2 < this.lastPeerId;
  }

  /** The peer opens a stream. */
  notePeerId(id: number): void {
    this.lastPeerId = id;
    this.#peerIdsUsed++;
  }

  takeOwnId(): number {
    const id = this.#nextOwnId;
    this.#nextOwnId += 2;
    return id;
  }

  /** Nobody has used the id yet. */
  isIdle(id: number): boolean {
    return this.isOwn(id) ? id >= this.#nextOwnId : id > this.lastPeerId;
  }

  isOwn(id: number): boolean {
    return (id & 1) === this.#ownParity;
  }

  add(stream: StreamState): void {
    this.#streams.add(stream);
    if (this.isOwn(stream.id)) this.ownCount++;
    else this.peerCount++;
  }

  remove(stream: StreamState): void {
    if (!this.#streams.remove(stream)) return;
    if (this.isOwn(stream.id)) this.ownCount--;
    else this.peerCount--;
  }

  /** We reset this stream: frames of it that are on their way mean nothing. */
  rememberReset(id: number): void {
    this.#resets[this.#resetsAt] = id;
    this.#resetsAt = (this.#resetsAt + 1) % MAX_REMEMBERED_RESETS;
  }

  wasReset(id: number): boolean {
    return this.#resets.includes(id);
  }
}
