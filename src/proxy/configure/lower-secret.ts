/** A Secret (extensions.transport_sockets.tls.v3) into the proxy's secrets. Other kinds than the two are refused. */
import type { Secret } from '../../xds/tls-types.ts';
import type { Lowered } from '../lowered.ts';
import { lowering } from '../lowered.ts';
import type { TlsEnvironment } from './lower-tls.ts';
import { readSource, refuseRest } from './lower-tls.ts';

/** What to do with the secret under `name`; nothing is changed before it is called. */
export function applySecret(message: Secret, name: string, environment: TlsEnvironment): Lowered<() => void> {
  return lowering((refuse) => {
    const { name: _name, tls_certificate, validation_context, ...rest } = message;
    refuseRest(rest, 'secret', refuse);
    const { secrets } = environment;
    if (tls_certificate !== undefined) {
      const chainPem =
        readSource(
          tls_certificate.certificate_chain,
          'tls_certificate.certificate_chain',
          environment,
          refuse,
        ) ?? '';
      const privateKeyPem =
        readSource(tls_certificate.private_key, 'tls_certificate.private_key', environment, refuse) ?? '';
      const checked = environment.createContext({ certificates: [{ chainPem, privateKeyPem }] });
      if (!checked.ok) refuse('tls_certificate', checked.error.message);
      return () => secrets.setCertificate(name, { chainPem, privateKeyPem });
    }
    if (validation_context === undefined)
      refuse('secret', 'holds neither tls_certificate nor validation_context');
    const trustedCaPem =
      readSource(validation_context?.trusted_ca, 'validation_context.trusted_ca', environment, refuse) ?? '';
    return () => secrets.setValidation(name, { trustedCaPem });
  });
}
