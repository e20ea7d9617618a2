import { readFileSync } from 'node:fs';
import { serveControl } from './control.ts';
import type { EchoOrder } from './order.ts';
import { EchoServers } from './serve.ts';

// `node dist/echo.js FILE`: the file holds an EchoOrder.

const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as EchoOrder;
const servers = new EchoServers(order);
await servers.listen();
await serveControl(order.socket, servers);
process.on('SIGTERM', () => process.exit(0));
