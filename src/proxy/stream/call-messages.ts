import { MessageCounter } from '../../wire/grpc/message-counter.ts';

/** Messages of one gRPC call, both ways, as they pass. */
export class CallMessages {
  requests = 0;
  responses = 0;
  readonly #requests = new MessageCounter();
  readonly #responses = new MessageCounter();

  request(bytes: Buffer): void {
    this.requests += this.#requests.count(bytes);
  }

  response(bytes: Buffer): void {
    this.responses += this.#responses.count(bytes);
  }
}
