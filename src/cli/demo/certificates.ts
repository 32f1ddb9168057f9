// Certificates made on the spot for the demo: ECDSA P-256, a day of life, names of this machine only. node-forge writes
// the DER; node:crypto makes keys and signatures, because forge itself can sign RSA certificates only.
import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
  randomBytes,
  sign,
} from 'node:crypto'
import { isIPv4 } from 'node:net'
import forge from 'node-forge'

/** A certificate with its key, both PEM (the key as PKCS#8). */
export interface Issued {
  readonly certificate: string
  readonly privateKey: string
}

export interface Authority {
  readonly certificate: string
  issue(request: IssueRequest): Issued
}

export interface IssueRequest {
  readonly commonName: string
  /** DNS names and IPv4 addresses. */
  readonly names?: readonly string[]
  readonly usage: 'server' | 'client'
}

const LIFETIME_MS = 24 * 3600 * 1000
/** Certificates begin a little in the past: clocks of two machines differ. */
const BACKDATE_MS = 5 * 60 * 1000

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAlternativeName: '2.5.29.17',
  subjectKeyIdentifier: '2.5.29.14',
  authorityKeyIdentifier: '2.5.29.35',
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
} as const
// RFC 5280 §4.2.1.3: contents of the bit strings, the count of unused bits first.
const KEY_CERT_SIGN = '\x02\x04'
const DIGITAL_SIGNATURE = '\x07\x80'

const { Class, Type } = forge.asn1
type Node = forge.asn1.Asn1

export function createAuthority(commonName: string): Authority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = { commonName, key: keys.privateKey, keyId: keyIdentifier(keys.publicKey) }
  const { certificate } = certify(issuer, commonName, keys, [
    extension(OID.basicConstraints, true, sequence(primitive(Type.BOOLEAN, '\xff'))),
    extension(OID.keyUsage, true, primitive(Type.BITSTRING, KEY_CERT_SIGN)),
  ])
  return {
    certificate,
    issue({ commonName: subject, names = [], usage }) {
      const extensions = [
        extension(OID.basicConstraints, true, sequence()),
        extension(OID.keyUsage, true, primitive(Type.BITSTRING, DIGITAL_SIGNATURE)),
        extension(OID.extendedKeyUsage, false, sequence(oid(OID[usage]))),
      ]
      if (names.length > 0)
        extensions.push(extension(OID.subjectAlternativeName, false, sequence(...names.map(generalName))))
      return certify(issuer, subject, generateKeyPairSync('ec', { namedCurve: 'P-256' }), extensions)
    },
  }
}

function certify(
  issuer: { readonly commonName: string; readonly key: KeyObject; readonly keyId: string },
  subject: string,
  keys: KeyPairKeyObjectResult,
  extensions: Node[],
): Issued {
  const serial = randomBytes(16)
  serial[0] = (serial[0]! & 0x7f) | 0x40 // positive and of full length (RFC 5280 §4.1.2.2)
  const now = Date.now()
  const tbs = sequence(
    context(0, primitive(Type.INTEGER, '\x02')),
    primitive(Type.INTEGER, serial.toString('latin1')),
    sequence(oid(OID.ecdsaWithSha256)),
    distinguishedName(issuer.commonName),
    sequence(time(now - BACKDATE_MS), time(now + LIFETIME_MS)),
    distinguishedName(subject),
    forge.asn1.fromDer(keys.publicKey.export({ format: 'der', type: 'spki' }).toString('latin1')),
    context(
      3,
      sequence(
        ...extensions,
        extension(
          OID.subjectKeyIdentifier,
          false,
          primitive(Type.OCTETSTRING, keyIdentifier(keys.publicKey)),
        ),
        extension(
          OID.authorityKeyIdentifier,
          false,
          sequence(forge.asn1.create(Class.CONTEXT_SPECIFIC, 0, false, issuer.keyId)),
        ),
      ),
    ),
  )
  const signature = sign('sha256', der(tbs), issuer.key)
  const certificate = sequence(
    tbs,
    sequence(oid(OID.ecdsaWithSha256)),
    primitive(Type.BITSTRING, `\0${signature.toString('latin1')}`),
  )
  return {
    certificate: pem('CERTIFICATE', der(certificate)),
    privateKey: keys.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
  }
}

/** RFC 5280 §4.2.1.2 method (1), over the whole key info instead of its bits: any unique value will do. */
function keyIdentifier(key: KeyObject): string {
  return createHash('sha1')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest()
    .toString('latin1')
}

function sequence(...content: Node[]): Node {
  return forge.asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, content)
}

function primitive(type: forge.asn1.Type, content: string): Node {
  return forge.asn1.create(Class.UNIVERSAL, type, false, content)
}

function context(tag: number, content: Node): Node {
  return forge.asn1.create(Class.CONTEXT_SPECIFIC, tag, true, [content])
}

function oid(dotted: string): Node {
  return primitive(Type.OID, forge.asn1.oidToDer(dotted).getBytes())
}

function time(ms: number): Node {
  return primitive(Type.UTCTIME, forge.asn1.dateToUtcTime(new Date(ms)) as unknown as string)
}

function distinguishedName(commonName: string): Node {
  const attribute = sequence(oid(OID.commonName), primitive(Type.UTF8, forge.util.encodeUtf8(commonName)))
  return sequence(forge.asn1.create(Class.UNIVERSAL, Type.SET, true, [attribute]))
}

/** RFC 5280 §4.2.1.6: dNSName is [2], iPAddress is [7]. */
function generalName(name: string): Node {
  const [tag, content] = isIPv4(name)
    ? [7, Buffer.from(name.split('.').map(Number)).toString('latin1')]
    : [2, name]
  return forge.asn1.create(Class.CONTEXT_SPECIFIC, tag as number, false, content as string)
}

function extension(id: string, critical: boolean, value: Node): Node {
  const parts = [oid(id)]
  if (critical) parts.push(primitive(Type.BOOLEAN, '\xff')) // DER omits the default FALSE
  parts.push(primitive(Type.OCTETSTRING, der(value).toString('latin1')))
  return sequence(...parts)
}

function der(node: Node): Buffer {
  return Buffer.from(forge.asn1.toDer(node).getBytes(), 'latin1')
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
