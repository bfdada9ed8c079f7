import { X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connect, createServer } from 'node:tls';
import { expect, test } from 'vitest';
import { chooseAddresses } from '../../../src/controller/addresses.js';
import { makeCertificate } from '../../../src/controller/certificate.js';

test('the certificate is well-formed, signed by itself, and valid whatever the clock says', () => {
  const { certificate, fingerprint } = makeCertificate();
  const parsed = new X509Certificate(certificate);
  expect(parsed.verify(parsed.publicKey)).toBe(true);
  expect(parsed.fingerprint256).toBe(fingerprint);
  expect(Date.parse(parsed.validFrom)).toBeLessThan(Date.parse('2001-01-01'));
  expect(Date.parse(parsed.validTo)).toBeGreaterThan(Date.parse('2099-01-01'));
});

test('TLS accepts it as its own authority, and no other', async () => {
  const [own, other] = [makeCertificate(), makeCertificate()];
  const server = createServer({ key: own.key, cert: own.certificate, minVersion: 'TLSv1.3' }, (socket) =>
    socket.end(),
  );
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const dial = (ca: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, ca, checkServerIdentity: () => undefined });
      socket.once('secureConnect', () => resolve(socket.getProtocol() ?? ''));
      socket.once('error', (error) => resolve(error.message));
      socket.resume();
    });
  expect(await dial(own.certificate)).toBe('TLSv1.3');
  expect(await dial(other.certificate)).toMatch(/self-signed|verify/i);
  server.close();
});

test('addresses: this machine only, everything, an interface, and what there is not', async () => {
  expect(await chooseAddresses(undefined, undefined)).toEqual({
    host: '127.0.0.1',
    addresses: ['127.0.0.1'],
  });
  expect(await chooseAddresses('127.0.0.1', 'gate')).toEqual({
    host: '127.0.0.1',
    addresses: ['gate', '127.0.0.1'],
  });
  const all = await chooseAddresses('*', undefined);
  // Both families, where there are two.
  const families = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map(({ family }) => family),
  );
  expect(all.host).toBe(families.includes('IPv6') ? '::' : '0.0.0.0');
  expect((await chooseAddresses('0.0.0.0', undefined)).host).toBe('0.0.0.0');
  expect(all.addresses).not.toContain('127.0.0.1');
  expect((await chooseAddresses('lo', undefined)).host).toBe('127.0.0.1');
  await expect(chooseAddresses('no-such-interface', undefined)).rejects.toMatchObject({ code: 'ADDRESS' });
});
