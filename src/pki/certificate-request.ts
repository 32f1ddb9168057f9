// Certification requests, PKCS#10 (RFC 2986): a subject, alternative names and a public key, signed by the private key. So a
// CA can certify a key that it never sees. Only written here, never read; the key is the signer's affair.
import { type Bytes, base64, fromHex, latin1, utf8 } from '../bytes/index.js'
import type { SignatureAlgorithm, Signer } from '../crypto/provider.js'
import { element, tags } from '../der/index.js'
import { failure } from '../errors.js'
import { ipOctets, isDnsName } from './server-name.js'

export interface CertificateSubject {
  readonly commonName?: string
  readonly organization?: string | readonly string[]
  readonly organizationalUnit?: string | readonly string[]
  /** Two letters. */
  readonly country?: string
}

export interface CertificateRequestOptions {
  readonly subject?: CertificateSubject
  /** For the subjectAltName: DNS names, IP addresses, mail addresses, URIs. */
  readonly names?: readonly string[]
  /** Must tell its public half (`spki`). */
  readonly signer: Signer
}

/** PEM of a request. Throws ERR_CONFIG_INVALID for subjects and names that cannot be encoded, ERR_CRYPTO_KEY. */
export async function certificateRequest(options: CertificateRequestOptions): Promise<string> {
  const { signer } = options
  if (signer.spki === undefined) throw failure('ERR_CRYPTO_KEY', 'the signer does not tell its public key')
  const { algorithm, identifier } = signatureOf(signer)
  // RFC 2986 §4.1: version v1 is 0; the attributes are there even when there are none.
  const info = element(
    tags.sequence,
    fromHex('020100'),
    subjectName(options.subject ?? {}),
    signer.spki,
    element(0xa0, ...extensionRequest(options.names ?? [])),
  )
  const signature = await signer.sign(algorithm, info)
  return pem(element(tags.sequence, info, identifier, element(tags.bitString, new Uint8Array(1), signature)))
}

/** Attribute types, encoded, in the order in which they are written; most names go from the general to the particular. */
const attributes = {
  country: { type: '0603550406', max: 2 },
  organization: { type: '060355040a', max: 64 },
  organizationalUnit: { type: '060355040b', max: 64 },
  commonName: { type: '0603550403', max: 64 },
} as const

function subjectName(subject: CertificateSubject): Bytes {
  const rdns = (['country', 'organization', 'organizationalUnit', 'commonName'] as const).flatMap((what) =>
    [subject[what] ?? []].flat().map((text) => {
      const { type, max } = attributes[what]
      // RFC 5280 appendix A.1: the upper bounds count characters.
      if (typeof text !== 'string' || text === '' || [...text].length > max)
        throw failure('ERR_CONFIG_INVALID', `\`${what}\` has 1 to ${max} characters`)
      if (what === 'country' && !/^[A-Za-z]{2}$/.test(text))
        throw failure('ERR_CONFIG_INVALID', '`country` is two letters')
      // RFC 5280 §4.1.2.4: UTF8String; the country is a PrintableString always.
      const value = element(what === 'country' ? tags.printableString : tags.utf8String, utf8(text))
      return element(tags.set, element(tags.sequence, fromHex(type), value))
    }),
  )
  return element(tags.sequence, ...rdns)
}

/** RFC 2985 §5.4.2: the extensions that the certificate should get, as an attribute. */
function extensionRequest(names: readonly string[]): Bytes[] {
  if (names.length === 0) return []
  const alternative = element(
    tags.sequence,
    fromHex('0603551d11'),
    element(tags.octetString, element(tags.sequence, ...names.map(generalName))),
  )
  return [
    element(
      tags.sequence,
      fromHex('06092a864886f70d01090e'),
      element(tags.set, element(tags.sequence, alternative)),
    ),
  ]
}

function generalName(name: string): Bytes {
  const octets = ipOctets(name)
  if (octets !== undefined) return element(0x87, octets)
  if (/^[a-z][a-z\d+.-]*:[\x21-\x7e]+$/i.test(name)) return element(0x86, latin1(name))
  if (/^[\x21-\x3f\x41-\x7e]+@[\x21-\x3f\x41-\x7e]+$/.test(name)) return element(0x81, latin1(name))
  if (isDnsName(name.replace(/^\*\./, ''))) return element(0x82, latin1(name))
  throw failure('ERR_CONFIG_INVALID', '`names` holds what is no DNS name, IP address, mail address or URI')
}

/** RFC 5758 §3.2: with each curve the hash of its strength. */
const ecdsa = {
  'P-256': { hash: 'SHA-256', oid: '06082a8648ce3d040302' },
  'P-384': { hash: 'SHA-384', oid: '06082a8648ce3d040303' },
  'P-521': { hash: 'SHA-512', oid: '06082a8648ce3d040304' },
} as const

// RFC 4055 §3.1: SHA-256, MGF1 with SHA-256, a salt of 32 octets.
const pssWithSha256 =
  '304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120'

function signatureOf(signer: Signer): {
  readonly algorithm: SignatureAlgorithm
  readonly identifier: Bytes
} {
  const { key } = signer
  if (key.kind === 'ed25519')
    return { algorithm: { kind: 'ed25519' }, identifier: element(tags.sequence, fromHex('06032b6570')) }
  if (key.kind === 'ec') {
    const { hash, oid } = ecdsa[key.curve]
    return { algorithm: { kind: 'ecdsa', hash }, identifier: element(tags.sequence, fromHex(oid)) }
  }
  const pkcs1: SignatureAlgorithm = { kind: 'rsa-pkcs1', hash: 'SHA-256' }
  // More CAs read this one; a CryptoKey may be bound to the other.
  if (!key.pss && (signer.canSign?.(pkcs1) ?? true))
    return { algorithm: pkcs1, identifier: fromHex('300d06092a864886f70d01010b0500') }
  return {
    algorithm: { kind: 'rsa-pss', hash: 'SHA-256', saltLength: 32 },
    identifier: fromHex(pssWithSha256),
  }
}

function pem(der: Bytes): string {
  const lines = base64(der).match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join('\n')
}
