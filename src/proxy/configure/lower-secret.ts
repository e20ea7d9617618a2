/** A Secret (extensions.transport_sockets.tls.v3) into the proxy's secrets. Other kinds than the two are refused. */
import type { Secret } from '../../xds/tls-types.ts';
import type { Lowered } from '../lowered.ts';
import { lowering } from '../lowered.ts';
import { refuseRest } from './data-source.ts';
import { lowerCertificate } from './lower-certificate.ts';
import type { TlsEnvironment } from './lower-tls.ts';
import { lowerValidation } from './lower-validation.ts';

/** What to do with the secret under `name`; nothing is changed before it is called. */
export function applySecret(message: Secret, name: string, environment: TlsEnvironment): Lowered<() => void> {
  return lowering((refuse) => {
    const { name: _name, tls_certificate, validation_context, ...rest } = message;
    refuseRest(rest, 'secret', refuse);
    const { secrets } = environment;
    if (tls_certificate !== undefined) {
      const certificate = lowerCertificate(tls_certificate, 'tls_certificate', environment, refuse);
      const checked = environment.createContext({ certificates: [certificate] });
      if (!checked.ok) refuse('tls_certificate', checked.error.message);
      return () => secrets.setCertificate(name, certificate);
    }
    if (validation_context === undefined)
      refuse('secret', 'holds neither tls_certificate nor validation_context');
    const { trusted_ca: _roots, ...rules } = validation_context ?? {};
    const lowered = lowerValidation(validation_context ?? {}, 'validation_context', environment, refuse);
    const { trustedCaPem = '', crlPem } = lowered;
    const read = crlPem === undefined ? rules : { ...rules, crl: { inline_string: crlPem } };
    return () => secrets.setValidation(name, { trustedCaPem, rules: read });
  });
}
