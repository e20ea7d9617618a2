import type { SocketAddress } from '../../runtime.ts';
import type { GrpcMethod } from './grpc-call.ts';

// What the filters that ask an authorizer over gRPC have in common (service.auth.v3), for requests and for connections.

export const CHECK: GrpcMethod = {
  path: '/envoy.service.auth.v3.Authorization/Check',
  request: 'envoy.service.auth.v3.CheckRequest',
  response: 'envoy.service.auth.v3.CheckResponse',
};

/** config.core.v3.Address. */
export function addressOf({ address, port }: SocketAddress): object {
  return { socket_address: { address, port_value: port } };
}
