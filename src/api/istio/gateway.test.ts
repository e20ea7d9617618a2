import { describe, expect, it } from 'vitest';
import { errorFields, warningFields } from '../test-kit.ts';

const id = 'networking.istio.io/Gateway';
const http = { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] };
const https = { port: { number: 443, name: 'https', protocol: 'HTTPS' }, hosts: ['*.shop.example'] };
const server = (entry: object) =>
  errorFields(id, { servers: [entry] }).map((field) => field.replace(/^servers\[0\]\.?/, ''));

describe('Gateway', () => {
  it('takes servers for HTTP, HTTPS and TCP', () => {
    const tcp = {
      port: { number: 6379, name: 'redis', protocol: 'redis' },
      hosts: ['web/cache.shop.example', '10.0.0.1'],
    };
    const servers = [
      { ...http, tls: { httpsRedirect: true } },
      { ...https, tls: { mode: 'SIMPLE', credentialName: 'c' } },
      tcp,
    ];
    expect(errorFields(id, { selector: { istio: 'ingressgateway' }, servers })).toEqual([]);
    expect(warningFields(id, { servers })).toEqual([]);
  });

  it('needs a server, names of ports that differ, and a name without dots', () => {
    expect(errorFields(id, {})).toEqual(['servers']);
    expect(errorFields(id, { servers: [http, { ...https, port: http.port }] })).toEqual([
      'servers[1].port.name',
    ]);
    expect(errorFields(id, { servers: [http] }, { name: 'a.b' })).toEqual(['metadata.name']);
  });

  it.each([
    [[], ['hosts']],
    [['shop'], ['hosts[0]']],
    [['*-x.example'], ['hosts[0]']],
    [['a b/shop.example'], ['hosts[0]']],
    [['./*', '*/shop.example', 'web/*.example'], []],
    [['web/'], ['hosts[0]']],
  ])('judges hosts %j', (hosts, fields) => {
    expect(server({ ...http, hosts })).toEqual(fields);
  });

  it.each([
    [{ ...http, port: undefined }, ['port']],
    [
      { hosts: ['*'], port: { number: 0, protocol: 'FTP', targetPort: 1 } },
      ['port.protocol', 'port.number', 'port.targetPort', 'port.name'],
    ],
    [{ ...http, bind: 'x' }, ['bind']],
    [{ ...http, bind: 'unix:///run/x' }, ['port.number']],
    [{ hosts: ['*'], port: { number: 0, name: 'u', protocol: 'HTTP' }, bind: 'unix://@x' }, []],
    [{ hosts: ['*'], port: { number: 0, name: 'u', protocol: 'HTTP' }, bind: 'unix://run/' }, ['bind']],
    [https, ['tls']],
    [{ ...http, tls: { mode: 'SIMPLE', credentialName: 'c' } }, ['tls']],
  ])('judges port and bind of %j', (entry, fields) => {
    expect(server(JSON.parse(JSON.stringify(entry)))).toEqual(fields);
  });

  it.each([
    [{ mode: 'SIMPLE' }, ['serverCertificate', 'privateKey']],
    [{ mode: 'MUTUAL', serverCertificate: 'a', privateKey: 'b' }, ['caCertificates']],
    [{ mode: 'OPTIONAL_MUTUAL', credentialName: 'c' }, []],
    [{ mode: 'SIMPLE', credentialName: 'c', credentialNames: ['d'] }, ['credentialNames']],
    [{ mode: 'SIMPLE', tlsCertificates: [{ serverCertificate: 'a' }] }, ['tlsCertificates[0].privateKey']],
    [{ mode: 'ISTIO_MUTUAL', credentialName: 'c' }, ['credentialName']],
    [{ mode: 'SIMPLE', serverCertificate: 'a', privateKey: 'b', caCrl: 'c' }, ['caCrl']],
    [{ mode: 'PASSTHROUGH' }, []],
    [{ mode: 'MUTAL' }, ['mode']],
  ])('judges TLS %j', (tls, fields) => {
    expect(server({ ...https, tls })).toEqual(fields.map((field) => `tls.${field}`));
  });

  it('warns of what has no effect', () => {
    const of = (tls: object, port: object = https.port) =>
      warningFields(id, { servers: [{ ...https, port, tls }] });
    expect(of({ mode: 'PASSTHROUGH', credentialName: 'c' })).toEqual(['servers[0].tls.credentialName']);
    expect(
      of({ mode: 'SIMPLE', credentialName: 'c', cipherSuites: ['AES128-SHA', 'AES128-SHA', 'RC4'] }),
    ).toEqual(['servers[0].tls.cipherSuites[1]', 'servers[0].tls.cipherSuites[2]']);
    expect(of({ mode: 'SIMPLE', credentialName: 'c', minProtocolVersion: 'TLSV1_0' })).toEqual([
      'servers[0].tls.minProtocolVersion',
    ]);
  });
});
