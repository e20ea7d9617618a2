import type { Connection, ConnectionHandlers, TlsInfo } from '../../wire/connection.ts';

/**
 * A client's connection as a terminal filter sees it while nobody knows yet whether the connection is for that filter.
 * The filter calls its upstream as for any client. If the upstream speaks first, the filter's first write says so
 * (`onServerFirst`), and from then on this is the client's connection. If the client speaks first, whoever made this
 * either settles it, or withdraws it: then the filter sees its client go. A filter that gives up before (no upstream,
 * an early end) gives up the race and not the client (`onGivenUp`).
 */
export class RacedConnection implements Connection {
  readonly side = 'downstream';
  readonly tls: TlsInfo | undefined = undefined;
  readonly #real: Connection;
  readonly #onServerFirst: () => void;
  readonly #onGivenUp: () => void;
  #handlers: ConnectionHandlers | undefined;
  #state: 'open' | 'settled' | 'withdrawn' = 'open';
  #paused = false;

  constructor(real: Connection, onServerFirst: () => void, onGivenUp: () => void) {
    this.#real = real;
    this.#onServerFirst = onServerFirst;
    this.#onGivenUp = onGivenUp;
  }

  /** It is for the filter: bytes flow. `firstBytes` are what the client has sent so far. */
  settle(firstBytes: Buffer | undefined): void {
    this.#state = 'settled';
    const handlers = this.#handlers!;
    this.#real.handle(handlers);
    if (firstBytes !== undefined) handlers.onData(firstBytes);
    if (this.#real.peerEnded) handlers.onEnd();
    if (this.#paused) this.#real.pause();
    else this.#real.resume();
  }

  /** It is for somebody else. */
  withdraw(): void {
    if (this.#state !== 'open') return;
    this.#state = 'withdrawn';
    this.#handlers?.onClose(undefined);
  }

  /** Whether it is the filter's: until then nothing of it counts. */
  get settled(): boolean {
    return this.#state === 'settled';
  }

  get remoteAddress(): string {
    return this.#real.remoteAddress;
  }
  get remotePort(): number {
    return this.#real.remotePort;
  }
  get localAddress(): string {
    return this.#real.localAddress;
  }
  get localPort(): number {
    return this.#real.localPort;
  }
  get fd(): number {
    return this.#real.fd;
  }
  get closed(): boolean {
    return this.#state === 'withdrawn' || this.#real.closed;
  }
  get peerEnded(): boolean {
    return this.#real.peerEnded;
  }
  get bytesRead(): number {
    return this.#real.bytesRead;
  }
  get bytesWritten(): number {
    return this.#real.bytesWritten;
  }

  recycle(bytes: Uint8Array): void {
    this.#real.recycle?.(bytes);
  }

  handle(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    if (this.#state === 'settled') this.#real.handle(handlers);
  }

  write(bytes: Uint8Array | string): boolean {
    if (this.#state === 'open' && bytes.length > 0) this.#onServerFirst();
    return this.#state !== 'settled' || this.#real.write(bytes);
  }

  cork(): void {
    if (this.#state === 'settled') this.#real.cork();
  }
  uncork(): void {
    if (this.#state === 'settled') this.#real.uncork();
  }
  pause(): void {
    this.#paused = true;
    if (this.#state === 'settled') this.#real.pause();
  }
  resume(): void {
    this.#paused = false;
    if (this.#state === 'settled') this.#real.resume();
  }
  end(): void {
    if (this.#state === 'settled') this.#real.end();
    else this.#giveUp();
  }
  destroy(): void {
    if (this.#state === 'settled') this.#real.destroy();
    else this.#giveUp();
  }
  reset(): void {
    if (this.#state === 'settled') this.#real.reset();
    else this.#giveUp();
  }

  #giveUp(): void {
    if (this.#state !== 'open') return;
    this.#state = 'withdrawn';
    this.#onGivenUp();
    this.#handlers?.onClose(undefined);
  }
}
