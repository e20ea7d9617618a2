import type { Connection } from '../../../wire/connection.ts';
import type { Headers } from '../../../wire/headers.ts';
import type {
  UpstreamEvents,
  UpstreamRequest,
  UpstreamResponse,
  UpstreamStream,
  UpstreamTransport,
} from '../../stream/codec.ts';
import { Http1Connection } from '../http1-connection.ts';
import { Http2UpstreamConnection } from '../http2-connection.ts';
import type { Probe, ProbeResult, ProbeTarget } from './probe.ts';
import { discard } from './tcp-probe.ts';

/** What a request of a check is, and what its answer means. */
export interface Question {
  readonly http2: boolean;
  /** ALPN to offer; undefined for the transport socket's own. */
  readonly alpn: readonly string[] | undefined;
  readonly request: UpstreamRequest;
  readonly body: Buffer;
  /** Most of an answer's body that is kept. */
  readonly maxBytes: number;
  judge(answer: Answer): ProbeResult;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly trailers: Headers | undefined;
}

type Transport = UpstreamTransport & { readonly connection: Connection };

/** Sends one request and judges the answer, over HTTP/1 or HTTP/2, on a connection of its own. */
export class RequestProbe implements Probe, UpstreamEvents {
  readonly #question: Question;
  readonly #target: ProbeTarget;
  readonly #reuse: boolean;
  #transport: Transport | undefined;
  #stream: UpstreamStream | undefined;
  #onResult: ((result: ProbeResult) => void) | undefined;
  #response: UpstreamResponse | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #turn = 0;

  constructor(question: Question, target: ProbeTarget, reuse: boolean) {
    this.#question = question;
    this.#target = target;
    this.#reuse = reuse;
  }

  ask(onResult: (result: ProbeResult) => void): void {
    this.#onResult = onResult;
    this.#response = undefined;
    this.#chunks = [];
    this.#bytes = 0;
    if (this.#transport === undefined) void this.#connect(++this.#turn);
    else this.#send(this.#transport);
  }

  abort(): void {
    this.#turn++;
    this.#onResult = undefined;
    this.#close();
  }

  async #connect(turn: number): Promise<void> {
    const result = await this.#target.connect(this.#question.alpn);
    if (turn !== this.#turn) {
      if (result.ok) discard(result.value);
      return;
    }
    if (!result.ok) {
      this.#end({ kind: 'network', message: result.error.message });
      return;
    }
    this.#transport = this.#question.http2 ? this.#http2(result.value) : this.#http1(result.value);
    this.#send(this.#transport);
  }

  #http1(connection: Connection): Transport {
    const { address, environment } = this.#target;
    const owner = {
      onFree() {},
      onGone: (gone: Transport) => this.#gone(gone),
      onKeepAlive() {},
    };
    return new Http1Connection(connection, owner, address, environment.clock.monotonicMs());
  }

  #http2(connection: Connection): Transport {
    const { address, environment, http2 } = this.#target;
    const owner = {
      onStreamLimit() {},
      onRoom() {},
      onGoaway: (gone: Transport) => {
        if (this.#transport === gone) this.#transport = undefined;
      },
      onGone: (gone: Transport) => this.#gone(gone),
    };
    return new Http2UpstreamConnection(
      connection,
      owner,
      address,
      { ...http2, keepalive: undefined },
      environment,
    );
  }

  #send(transport: Transport): void {
    const { request, body } = this.#question;
    const stream = transport.open(request, this);
    this.#stream = stream;
    if (body.length > 0) stream.sendData(body);
    if (request.body !== 'none') stream.sendEnd(undefined);
    stream.flush();
  }

  #gone(transport: Transport): void {
    if (this.#transport === transport) this.#transport = undefined;
  }

  onInformational(): void {}
  onResponseFlush(): void {}
  onRequestDrain(): void {}

  onResponse(response: UpstreamResponse): void {
    this.#response = response;
  }

  onResponseData(bytes: Buffer): void {
    const room = this.#question.maxBytes - this.#bytes;
    if (room <= 0) return;
    this.#chunks.push(bytes.subarray(0, room));
    this.#bytes += Math.min(room, bytes.length);
  }

  onResponseEnd(trailers: Headers | undefined): void {
    this.#stream = undefined;
    const { status, headers } = this.#response as UpstreamResponse;
    const answer = { status, headers, body: Buffer.concat(this.#chunks), trailers };
    this.#end(this.#question.judge(answer));
    if (!this.#reuse) this.#close();
  }

  onReset({ message }: { readonly message: string }): void {
    this.#stream = undefined;
    this.#end({ kind: 'network', message });
    if (!this.#reuse) this.#close();
  }

  #end(result: ProbeResult): void {
    const onResult = this.#onResult;
    this.#onResult = undefined;
    onResult?.(result);
  }

  #close(): void {
    const transport = this.#transport;
    this.#transport = undefined;
    this.#stream?.cancel();
    this.#stream = undefined;
    transport?.connection.destroy();
  }
}
