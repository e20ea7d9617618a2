import { Deadline } from '../../../../lib/deadlines.ts';
import type { Connection } from '../../../../wire/connection.ts';
import { getHeader, type Headers, removeHeader } from '../../../../wire/headers.ts';
import { PEER_HEADER } from '../../../observe/peer-header.ts';
import type { Downstream } from '../../../runtime.ts';
import type {
  BadRequest,
  DownstreamCodec,
  DownstreamEvents,
  DownstreamRequest,
  DownstreamStream,
  RequestAcceptor,
} from '../../../stream/codec.ts';
import { ConnectionView } from '../../../stream/connection-view.ts';
import { Exchange } from '../../../stream/exchange.ts';
import { Http1Server } from '../../../stream/http1-server.ts';
import { Http2Server } from '../../../stream/http2-server.ts';
import type { HttpManager } from '../../../stream/manager.ts';
import { prepareResponse } from '../../../stream/prepare-response.ts';
import { RefusedRequest } from '../../../stream/refused-request.ts';
import { CodecChoice } from './codec-choice.ts';
import type { ManagerConfig } from './config.ts';

/** The connection manager as its connections see it. */
export interface ConnectionOwner extends HttpManager {
  readonly config: ManagerConfig;
  /** A connection of its has ended. */
  gone(connection: ClientConnection): void;
}

/** One client's connection: its codec, and what its streams share. */
export class ClientConnection implements RequestAcceptor {
  readonly #view: ConnectionView;
  #manager: ConnectionOwner;
  /** Of the manager that opened it: codecs keep theirs, too. */
  readonly #deadlines: ConnectionOwner['deadlines'];
  readonly #age: Deadline | undefined;
  #codec: DownstreamCodec | undefined;
  /** HTTP/1: one stream at a time, so one deadline does for all. */
  #idle: Deadline | undefined;
  #open: Exchange | undefined;
  #requests = 0;

  constructor(downstream: Downstream, manager: ConnectionOwner) {
    this.#view = new ConnectionView(downstream);
    this.#manager = manager;
    this.#deadlines = manager.deadlines;
    const { maxConnectionMs } = manager.settings;
    if (maxConnectionMs === 0) return;
    this.#age = new Deadline(() => {
      this.#manager.stats.downstream_cx_max_duration_reached++;
      this.#codec?.drain();
    });
    manager.deadlines.set(this.#age, maxConnectionMs);
  }

  /** Whether it came by TLS. */
  get isTls(): boolean {
    return this.#view.downstream.tls !== undefined;
  }

  /** Begins to serve: by what TLS agreed on, or by what the client's first bytes are. */
  start(): void {
    const { connection, tls, firstBytes } = this.#view.downstream;
    const { codec } = this.#manager.config;
    const alpn = tls?.alpn ?? '';
    if (codec === 'http2' || (codec === 'auto' && alpn === 'h2')) this.#startHttp2(connection, firstBytes);
    else if (codec === 'http1' || alpn !== '') this.#startHttp1(connection).start(firstBytes);
    else {
      const http1 = this.#startHttp1(connection);
      new CodecChoice(connection, http1, (bytes) => {
        if (!http1.leave()) return false;
        this.#manager.stats.downstream_cx_http1_total--;
        this.#startHttp2(connection, bytes);
        return true;
      }).start(firstBytes);
    }
  }

  /** Another manager has taken over: requests from now on are its. */
  moveTo(manager: ConnectionOwner): void {
    this.#manager = manager;
  }

  drain(gently?: boolean): void {
    this.#manager.stats.downstream_cx_drain_close++;
    this.#codec?.drain(gently);
  }

  onRequest(head: DownstreamRequest, stream: DownstreamStream): DownstreamEvents {
    const manager = this.#manager;
    const { stats } = manager;
    stats.downstream_rq_total++;
    if (head.version === 20) stats.downstream_rq_http2_total++;
    else stats.downstream_rq_http1_total++;
    stats.downstream_rq_active++;
    const { maxRequestsPerConnection } = manager.settings;
    if (++this.#requests === maxRequestsPerConnection) {
      stats.downstream_cx_max_requests_reached++;
      this.#codec?.drain();
    }
    this.#learnPeer(head);
    const idle = this.#idle ?? new Deadline(() => exchange.idleExpired());
    const exchange = new Exchange(manager, this.#view, head, stream, idle);
    if (this.#idle !== undefined) this.#open = exchange;
    exchange.start();
    return exchange;
  }

  onBadRequest(refused: BadRequest): void {
    const { stats, clock } = this.#manager;
    const isHttp1 = this.#idle !== undefined;
    stats.downstream_rq_total++;
    if (isHttp1) stats.downstream_rq_http1_total++;
    else stats.downstream_rq_http2_total++;
    if (refused.late) stats.downstream_rq_header_timeout++;
    else {
      stats.downstream_cx_protocol_error++;
      stats.downstream_rq_rx_reset++;
    }
    if (refused.status > 0) {
      stats.downstream_rq_completed++;
      stats.statuses.add(refused.status);
    }
    const { accessLogs } = this.#manager.config;
    if (accessLogs.length === 0) return;
    const facts = new RefusedRequest(this.#view, clock, isHttp1 ? 'HTTP/1.1' : 'HTTP/2', refused);
    this.#manager.log(facts);
  }

  onBroken(): void {
    this.#manager.stats.downstream_cx_protocol_error++;
  }

  sign(headers: Headers): void {
    prepareResponse(headers, this.#manager.settings, this.#manager.clock, undefined);
  }

  onClosed(midRequest: boolean): void {
    if (midRequest) this.#manager.stats.downstream_cx_destroy_active_rq++;
    const { connection } = this.#view.downstream;
    this.#manager.stats.downstream_cx_rx_bytes_total += connection.bytesRead;
    this.#manager.stats.downstream_cx_tx_bytes_total += connection.bytesWritten;
    if (this.#age !== undefined) this.#deadlines.clear(this.#age);
    this.#manager.gone(this);
  }

  #startHttp1(connection: Connection): Http1Server {
    const { config, deadlines, stats } = this.#manager;
    stats.downstream_cx_http1_total++;
    this.#idle = new Deadline(() => this.#open?.idleExpired());
    const { times, limits } = config;
    const codec = new Http1Server(connection, this, { times, limits, deadlines });
    this.#codec = codec;
    return codec;
  }

  #startHttp2(connection: Connection, firstBytes: Buffer | undefined): void {
    const { config, deadlines, clock, stats } = this.#manager;
    stats.downstream_cx_http2_total++;
    this.#idle = undefined;
    const codec = new Http2Server(connection, this, { ...config.http2, deadlines, clock });
    this.#codec = codec;
    codec.start(firstBytes);
  }

  /** What the caller's proxy says of it is for us, not for the application, and the same on every request. */
  #learnPeer(head: DownstreamRequest): void {
    const said = getHeader(head.headers, PEER_HEADER);
    if (said === undefined) return;
    if (this.#view.introduction !== said) {
      this.#view.introduction = said;
      this.#view.pair = undefined;
    }
    removeHeader(head.headers, PEER_HEADER);
  }
}
