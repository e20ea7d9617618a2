import { createServer } from 'node:net';

const HOST = '127.0.0.1';
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

// Both below 32768, where Linux begins to give ports to outgoing connections, and apart: nobody asks the other's owner.
/** For the platform's own programs. */
export const PLATFORM_PORTS: PortRange = { first: 20_010, last: 20_099 };
/** For pods. */
export const POD_PORTS: PortRange = { first: 20_100, last: 32_700 };

/**
 * Ports nobody listens on now, from below those that the kernel gives to outgoing connections: one of these might
 * have the port for a moment just when its owner wants to listen. They are added to `taken`. @throws RangeError
 */
export async function freePorts(count: number, taken: Set<number>, range: PortRange): Promise<number[]> {
  const ports: number[] = [];
  const { first, last } = range;
  const start = Math.floor(Math.random() * (last - first));
  for (let i = 0; ports.length < count && i <= last - first; i++) {
    const port = first + ((start + i) % (last - first + 1));
    if (taken.has(port)) continue;
    taken.add(port);
    if (await isFree(port)) ports.push(port);
    else taken.delete(port);
  }
  if (ports.length < count) throw new RangeError('no free ports left');
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}
