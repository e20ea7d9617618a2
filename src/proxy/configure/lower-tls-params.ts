import type { TlsContextOptions } from '../../wire/connection.ts';
import type { TlsParameters } from '../../xds/tls-types.ts';
import { type Refuse, refuseRest } from './data-source.ts';

/** TlsParameters (extensions.transport_sockets.tls.v3) as options of a TLS context. */
export function lowerParams(
  params: TlsParameters,
  field: string,
  refuse: Refuse,
): Partial<TlsContextOptions> {
  const { tls_minimum_protocol_version, tls_maximum_protocol_version, cipher_suites, ecdh_curves, ...rest } =
    params;
  refuseRest(rest, field, refuse);
  const min = version(tls_minimum_protocol_version, `${field}.tls_minimum_protocol_version`, refuse);
  const max = version(tls_maximum_protocol_version, `${field}.tls_maximum_protocol_version`, refuse);
  return {
    ...(min === undefined ? {} : { minVersion: min }),
    ...(max === undefined ? {} : { maxVersion: max }),
    ...(cipher_suites === undefined ? {} : { ciphers: cipher_suites.join(':') }),
    ...(ecdh_curves === undefined ? {} : { curves: ecdh_curves.join(':') }),
  };
}

function version(name: string | undefined, field: string, refuse: Refuse): 'TLSv1.2' | 'TLSv1.3' | undefined {
  if (name === undefined || name === 'TLS_AUTO') return undefined;
  if (name === 'TLSv1_2') return 'TLSv1.2';
  if (name === 'TLSv1_3') return 'TLSv1.3';
  refuse(field, `${name} is older than TLS 1.2`);
  return undefined;
}
