import { isHttp, isTls } from '../../../mesh/protocol.ts';
import type { Service, ServicePort } from '../../../mesh/service.ts';

/** Addresses that can be listened on. */
export function singleAddresses(service: Service): readonly string[] {
  return service.addresses.filter((address) => !address.includes('/'));
}

/** Ranges cannot be listened on: they are told apart within the wildcard listener. */
export function addressRanges(service: Service): readonly string[] {
  return service.addresses.filter((address) => address.includes('/'));
}

/** Whether calls to the port come to the wildcard listener: nothing but the bytes tells what they are for. */
export function isOnWildcard(service: Service, port: ServicePort): boolean {
  if (isNotProxied(service, port)) return false;
  if (isHttp(port.protocol)) return true;
  // Clients of a headless service call the endpoints' own addresses. Without any there is nobody to be called, and a
  // wildcard would take the calls of others.
  if (service.resolution === 'headless') return false;
  return !everyAddressIsListened(service) || isTold(service, port);
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
export function isOnOwnAddress(service: Service, port: ServicePort): boolean {
  if (isNotProxied(service, port) || isHttp(port.protocol)) return false;
  return service.resolution === 'headless' || singleAddresses(service).length > 0;
}

/** An alias is what it stands for; datagrams are not for proxies. */
function isNotProxied(service: Service, port: ServicePort): boolean {
  return port.protocol === 'udp' || service.resolution === 'alias';
}
