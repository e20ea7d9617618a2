import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { NetError, UdpOptions, UdpSocket } from '../connection.ts';
import { fromSystemError } from './net-error.ts';

/** Opens a datagram socket; resolves when it is bound. */
export function listenUdp(options: UdpOptions): Promise<Result<UdpSocket, NetError>> {
  const socket = createSocket({
    type: isIPv6(options.host) ? 'udp6' : 'udp4',
    ...(options.reusePort === true ? { reusePort: true } : {}),
  });
  return new Promise((resolve) => {
    socket.once('error', (error) => {
      socket.close();
      const doing = `Listening for datagrams on ${options.host}:${options.port}`;
      resolve(fail(fromSystemError(error, 'internal', false, doing)));
    });
    socket.bind({ address: options.host, port: options.port }, () => {
      // From here on errors belong to single datagrams (a peer's ICMP refusal): they are lost like any datagram.
      socket.removeAllListeners('error').on('error', () => {});
      socket.on('message', (bytes, from) =>
        options.onMessage(bytes, { address: from.address, port: from.port }),
      );
      resolve(ok(boundSocket(socket)));
    });
  });
}

function boundSocket(socket: Socket): UdpSocket {
  const { address, port } = socket.address();
  let closed = false;
  return {
    address,
    port,
    send(bytes, to) {
      if (!closed) socket.send(bytes, to.port, to.address, () => {});
    },
    close() {
      if (closed) return Promise.resolve();
      closed = true;
      return new Promise((resolve) => {
        socket.close(() => resolve());
      });
    },
  };
}
