import { isHttp } from '../../../mesh/protocol.ts';
import type { Service, ServicePort } from '../../../mesh/service.ts';

/** Addresses that can be listened on; ranges cannot. */
export function singleAddresses(service: Service): readonly string[] {
  return service.addresses.filter((address) => !address.includes('/'));
}

/** Whether calls to the port come to the wildcard listener: nothing but the bytes tells what they are for. */
export function isOnWildcard(service: Service, port: ServicePort): boolean {
  if (isNotProxied(service, port)) return false;
  if (isHttp(port.protocol)) return true;
  if (service.resolution === 'headless') return port.protocol === 'auto';
  return singleAddresses(service).length === 0;
}

/** Whether calls to the port come to a listener on an address of the service or of its endpoints. */
export function isOnOwnAddress(service: Service, port: ServicePort): boolean {
  return !isNotProxied(service, port) && !isOnWildcard(service, port);
}

/** An alias is what it stands for; datagrams are not for proxies. */
function isNotProxied(service: Service, port: ServicePort): boolean {
  return port.protocol === 'udp' || service.resolution === 'alias';
}
