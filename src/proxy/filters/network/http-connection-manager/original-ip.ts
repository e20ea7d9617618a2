import { getHeader, type Headers } from '../../../../wire/headers.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import { type AnyMessage, messageOf } from '../../../../xds/resources.ts';
import type { DetectedAddress, IpDetection } from '../../../stream/manager.ts';
import { forwardedAddress, ipAddress } from '../../../stream/prepare-request.ts';
import { joined } from '../../../stream/request-state.ts';
import { readStatusCode } from '../../http/status-code.ts';

// Who a request is from where the socket does not say (original_ip_detection_extensions): the first extension that finds
// an address decides. Without any, X-Forwarded-For is read as far as hops are trusted (prepare-request.ts).

type Extension = { readonly name?: string; readonly typed_config?: AnyMessage };

const XFF = 'envoy.extensions.http.original_ip_detection.xff.v3.XffConfig';
const CUSTOM = 'envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig';

export function readIpDetections(
  extensions: readonly Extension[] | undefined,
  refuse: Refuse,
  field: string,
): readonly IpDetection[] {
  return (extensions ?? []).flatMap(({ name = '', typed_config }, i) => {
    const place = fieldIn(`${field}[${i}]`, 'typed_config');
    const kind = messageOf(typed_config?.['@type'] ?? '');
    if (typed_config !== undefined && kind === XFF) return readForwarded(typed_config, refuse, place);
    if (typed_config !== undefined && kind === CUSTOM) return readCustom(typed_config, refuse, place);
    refuse(place, `'${kind || name}' is not supported by this proxy`);
    return [];
  });
}

function readForwarded(message: AnyMessage, refuse: Refuse, field: string): IpDetection {
  const { '@type': _type, xff_num_trusted_hops: hops, ...rest } = message;
  refuseRest(refuse, field, rest);
  const place = Number(hops ?? 0) + 1;
  return { rejectStatus: undefined, detect: (headers) => byPlace(headers, place) };
}

function byPlace(headers: Headers, place: number): DetectedAddress | undefined {
  const list = joined(headers, 'x-forwarded-for');
  const address = list === undefined ? undefined : forwardedAddress(list, place);
  if (address === undefined) return undefined;
  return { address, trusted: !(list as string).includes(',') };
}

function readCustom(message: AnyMessage, refuse: Refuse, field: string): IpDetection {
  const {
    '@type': _type,
    header_name = '',
    allow_extension_to_set_address_as_trusted: trusted = false,
    reject_with_status,
    ...rest
  } = message as {
    readonly '@type': string;
    readonly header_name?: string;
    readonly allow_extension_to_set_address_as_trusted?: boolean;
    readonly reject_with_status?: { readonly code?: string | number };
  };
  refuseRest(refuse, field, rest);
  if (header_name === '') refuse(fieldIn(field, 'header_name'), 'is missing');
  const name = header_name.toLowerCase();
  return {
    rejectStatus:
      reject_with_status && rejectStatus(reject_with_status, refuse, fieldIn(field, 'reject_with_status')),
    detect(headers) {
      const address = ipAddress(getHeader(headers, name) ?? '');
      return address === undefined ? undefined : { address, trusted };
    },
  };
}

/** Anything but an error would let the caller think that it was served. */
function rejectStatus(message: { readonly code?: string | number }, refuse: Refuse, field: string): number {
  const status = readStatusCode(message, FORBIDDEN, refuse, field);
  return status >= 400 && status <= 511 ? status : FORBIDDEN;
}

const FORBIDDEN = 403;
