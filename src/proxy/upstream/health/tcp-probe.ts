import type { Connection } from '../../../wire/connection.ts';
import type { TcpProbeConfig } from './health-check-config.ts';
import type { Probe, ProbeResult, ProbeTarget } from './probe.ts';

/** Most that is kept of an answer that does not match yet. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Connects, sends, and waits for what must come. */
export class TcpProbe implements Probe {
  readonly #config: TcpProbeConfig;
  readonly #target: ProbeTarget;
  readonly #reuse: boolean;
  #connection: Connection | undefined;
  #answer = Buffer.alloc(0);
  #onResult: ((result: ProbeResult) => void) | undefined;
  /** Counts questions: what comes of an earlier one is not of this one. */
  #turn = 0;

  constructor(config: TcpProbeConfig, target: ProbeTarget, reuse: boolean) {
    this.#config = config;
    this.#target = target;
    this.#reuse = reuse;
  }

  ask(onResult: (result: ProbeResult) => void): void {
    this.#onResult = onResult;
    this.#answer = Buffer.alloc(0);
    if (this.#connection === undefined) void this.#connect(++this.#turn);
    else this.#send(this.#connection);
  }

  abort(): void {
    this.#turn++;
    this.#onResult = undefined;
    this.#close();
  }

  async #connect(turn: number): Promise<void> {
    const result = await this.#target.connect(undefined);
    if (turn !== this.#turn) {
      if (result.ok) discard(result.value);
      return;
    }
    if (!result.ok) {
      this.#end({ kind: 'network', message: result.error.message });
      return;
    }
    const connection = result.value;
    this.#connection = connection;
    connection.handle({
      onData: (bytes) => this.#received(bytes),
      onEnd: () => connection.destroy(),
      onDrain() {},
      onClose: () => this.#closed(connection),
    });
    this.#send(connection);
  }

  #send(connection: Connection): void {
    const { send, receive } = this.#config;
    if (send.length > 0) connection.write(send);
    if (receive.length > 0) return;
    this.#end({ kind: 'passed', degraded: false });
    if (send.length > 0) connection.end();
    this.#close();
  }

  #received(bytes: Buffer): void {
    if (this.#onResult === undefined) return;
    this.#answer = Buffer.concat([this.#answer, bytes]).subarray(0, MAX_ANSWER_BYTES);
    if (!containsInOrder(this.#answer, this.#config.receive)) return;
    this.#end({ kind: 'passed', degraded: false });
    if (!this.#reuse) this.#close();
  }

  #closed(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#end({ kind: 'network', message: `${this.#target.address} closed the connection.` });
  }

  #end(result: ProbeResult): void {
    const onResult = this.#onResult;
    this.#onResult = undefined;
    onResult?.(result);
  }

  #close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.destroy();
  }
}

/** Whether all pieces occur, each behind the one before. */
export function containsInOrder(bytes: Buffer, pieces: readonly Buffer[]): boolean {
  let from = 0;
  for (const piece of pieces) {
    const at = bytes.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return true;
}

/** Closes a connection that nobody wants any more. */
export function discard(connection: Connection): void {
  connection.handle({ onData() {}, onEnd() {}, onDrain() {}, onClose() {} });
  connection.destroy();
}
