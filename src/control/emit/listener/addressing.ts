import { isHttp, isTls } from '../../../mesh/protocol.ts';
import type { Service, ServicePort } from '../../../mesh/service.ts';
import { hasEndpoints } from '../../resolve/endpoints.ts';
import { serviceKey } from '../../resolve/services.ts';
import type { Read } from '../../resolve/world.ts';

/** Addresses that can be listened on; ranges cannot. */
export function singleAddresses(service: Service): readonly string[] {
  return service.addresses.filter((address) => !address.includes('/'));
}

/** Whether calls to the port come to the wildcard listener: nothing but the bytes tells what they are for. */
export function isOnWildcard(read: Read, service: Service, port: ServicePort): boolean {
  if (isNotProxied(service, port)) return false;
  if (isHttp(port.protocol)) return true;
  if (service.resolution !== 'headless') return !everyAddressIsListened(service) || isTold(service, port);
  // Clients call the endpoints' own addresses; where there are none yet, any address may become one.
  return port.protocol === 'auto' || !read.of(hasEndpoints, serviceKey(service));
}

/** Every address of the service is one that can be listened on, and it has any. */
function everyAddressIsListened(service: Service): boolean {
  const single = singleAddresses(service).length;
  return single > 0 && single === service.addresses.length;
}

/** Calls to an address that a client resolved elsewhere, and whose bytes say for whom they are. */
function isTold({ ownAddress }: Service, { protocol }: ServicePort): boolean {
  return ownAddress === true && (isTls(protocol) || protocol === 'auto');
}

/** Whether calls to the port come to a listener on an address of the service or of its endpoints. */
export function isOnOwnAddress(read: Read, service: Service, port: ServicePort): boolean {
  if (isNotProxied(service, port) || isHttp(port.protocol)) return false;
  if (service.resolution !== 'headless') return singleAddresses(service).length > 0;
  return !isOnWildcard(read, service, port);
}

/** An alias is what it stands for; datagrams are not for proxies. */
function isNotProxied(service: Service, port: ServicePort): boolean {
  return port.protocol === 'udp' || service.resolution === 'alias';
}
