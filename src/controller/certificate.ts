import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';

/** A private key with its certificate, as PEM, and the fingerprint that peers check. */
export interface OwnCertificate {
  key: string;
  certificate: string;
  fingerprint: string;
}

/* Just enough of DER (X.690) for one self-signed certificate: docs/decisions/0003 says why not a library. */

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const size = body.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const integer = (bytes: Buffer): Buffer => der(0x02, bytes);
const bits = (bytes: Buffer): Buffer => der(0x03, Buffer.from([0]), bytes);
const time = (text: string): Buffer => der(0x18, Buffer.from(text));

/** 1.2.840.10045.4.3.2, ecdsa-with-SHA256 (RFC 5758). */
const signatureAlgorithm = sequence(Buffer.from('06082a8648ce3d040302', 'hex'));
/** 2.5.4.3, the common name (RFC 5280). */
const name = sequence(
  der(0x31, sequence(Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from('ipcluster')))),
);

/**
 * Makes a certificate for this start. Its dates are far apart and its name says nothing: peers trust this
 * very certificate, from the connection file, and the clocks of machines differ.
 */
export function makeCertificate(): OwnCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const serial = randomBytes(16);
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    signatureAlgorithm,
    name,
    sequence(time('20000101000000Z'), time('21000101000000Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const raw = sequence(body, signatureAlgorithm, bits(sign('sha256', body, privateKey)));
  const certificate = new X509Certificate(raw);
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: certificate.toString(),
    fingerprint: certificate.fingerprint256,
  };
}
