// Certificates for tests: authorities, intermediates and leaves, right or wrong in chosen ways. Only WebCrypto and
// @peculiar/x509 are used, no node: module, so that any runtime can make them. Files for external programs: files.ts.
import './reflect-metadata.js'
import * as x509 from '@peculiar/x509'

export type KeyChoice = 'ecdsa-p256' | 'ecdsa-p384' | 'rsa-2048' | 'ed25519' | 'rsa-pss'

/** RFC 5280 §4.2.1.3 names of the bits. */
export type KeyUsage =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'cRLSign'

/** A key pair that may be given to several certificates. */
export interface KeyPair {
  readonly choice: KeyChoice
  readonly publicKey: CryptoKey
  readonly privateKey: CryptoKey
  /** DER SubjectPublicKeyInfo, as certificates carry it. */
  readonly spki: Uint8Array<ArrayBuffer>
  /** DER PKCS#8. */
  readonly pkcs8: Uint8Array<ArrayBuffer>
}

/** What every certificate can be told. */
export interface CertificateOptions {
  readonly key?: KeyChoice | KeyPair
  /** Common name; for full control give `subject` instead. */
  readonly commonName?: string
  /** RFC 4514 text, as `CN=alice, O=example`. */
  readonly subject?: string
  /** Default: an hour ago. */
  readonly notBefore?: Date
  /** Default: in 30 days. */
  readonly notAfter?: Date
  /** Default: what the kind of certificate needs. `false` leaves the extension out. */
  readonly keyUsage?: readonly KeyUsage[] | false
  /** Further extensions, appended as they are. */
  readonly extensions?: readonly x509.Extension[]
  /** Adds a critical extension that nobody knows. */
  readonly unknownCritical?: boolean
  /** Hash of the issuer's signature (default SHA-256, SHA-384 under a P-384 key). */
  readonly hash?: 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512'
  /** Hexadecimal. Default: random. */
  readonly serialNumber?: string
}

export interface AuthorityOptions extends CertificateOptions {
  /** Common name of the authority. */
  readonly name?: string
  /** RFC 5280 §4.2.1.9: CA certificates allowed below. Default: no limit. */
  readonly pathLength?: number
  /** `false` makes a CA that is not one. `'absent'` leaves basicConstraints out. */
  readonly ca?: boolean | 'absent'
  readonly nameConstraints?: NameConstraints
}

/** RFC 5280 §4.2.1.10. DNS names, or `192.0.2.0/24` and `2001:db8::/32`, or `@example.com` (mail), or `CN=…` (directory). */
export interface NameConstraints {
  readonly permitted?: readonly string[]
  readonly excluded?: readonly string[]
  /** Default true, as RFC 5280 demands. */
  readonly critical?: boolean
}

export interface LeafOptions extends CertificateOptions {
  /** DNS names and IP addresses for the subjectAltName; none leaves it out. */
  readonly names?: readonly string[]
  /** Extended key usage: `server`, `client`, both, an OID, or `false` for no such extension. Default `server`. */
  readonly usage?: 'server' | 'client' | 'both' | readonly string[] | false
  /** Adds basicConstraints with this value. */
  readonly ca?: boolean
  readonly pathLength?: number
}

export interface Issued {
  /** PEM of the leaf alone. */
  readonly certificate: string
  /** PEM PKCS#8. */
  readonly privateKey: string
  /** PEM of the leaf and the intermediates, without the root. */
  readonly chain: string
  readonly der: Uint8Array<ArrayBuffer>
  /** DER of the leaf and the intermediates. */
  readonly chainDer: ReadonlyArray<Uint8Array<ArrayBuffer>>
  readonly key: KeyPair
}

export interface Authority {
  /** PEM of this authority. */
  readonly certificate: string
  readonly der: Uint8Array<ArrayBuffer>
  /** PEM PKCS#8. */
  readonly privateKey: string
  readonly key: KeyPair
  /** PEM of this authority and those above it, without the root: what a leaf's chain ends with. */
  readonly chain: string
  readonly name: string
  issue(options?: LeafOptions): Promise<Issued>
  intermediate(options?: AuthorityOptions): Promise<Authority>
}

/** A self-signed root. Default key: ECDSA P-256. */
export async function createAuthority(options: AuthorityOptions = {}): Promise<Authority> {
  const key = await resolveKey(options.key)
  const subject = subjectOf(options, options.name ?? options.commonName ?? `Test Root ${++serial}`)
  const certificate = await sign(
    { subject, key },
    { subject, key },
    options,
    await authorityExtensions(options, key, key),
  )
  return authority(certificate, key, subject, [])
}

/** A key pair of the kind. RSA pairs come from a small pool, because making them is slow: four in turn. */
export async function createKeyPair(choice: KeyChoice = 'ecdsa-p256'): Promise<KeyPair> {
  if (choice !== 'rsa-2048' && choice !== 'rsa-pss') return generate(choice)
  const pool = (rsaPool[choice] ??= { next: 0, pairs: [] })
  const slot = pool.next++ % 4
  return (pool.pairs[slot] ??= generate(choice))
}

/** PEM of DER bytes. */
export function pem(label: string, der: Uint8Array): string {
  let binary = ''
  for (const byte of der) binary += String.fromCharCode(byte)
  const lines = btoa(binary).match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

let serial = 0
const rsaPool: Partial<Record<KeyChoice, { next: number; pairs: Promise<KeyPair>[] }>> = {}

interface Party {
  readonly subject: string
  readonly key: KeyPair
}

function authority(
  der: Uint8Array<ArrayBuffer>,
  key: KeyPair,
  subject: string,
  above: ReadonlyArray<Uint8Array<ArrayBuffer>>,
): Authority {
  const party = { subject, key }
  const certificate = pem('CERTIFICATE', der)
  return {
    certificate,
    der,
    privateKey: pem('PRIVATE KEY', key.pkcs8),
    key,
    chain: above.map((each) => pem('CERTIFICATE', each)).join(''),
    name: subject,
    async issue(options = {}) {
      const leafKey = await resolveKey(options.key)
      const leafSubject = subjectOf(options, options.commonName ?? options.names?.[0] ?? 'leaf')
      const leaf = await sign(
        party,
        { subject: leafSubject, key: leafKey },
        options,
        await leafExtensions(options, key, leafKey),
      )
      const chainDer = [leaf, ...above]
      return {
        certificate: pem('CERTIFICATE', leaf),
        privateKey: pem('PRIVATE KEY', leafKey.pkcs8),
        chain: chainDer.map((each) => pem('CERTIFICATE', each)).join(''),
        der: leaf,
        chainDer,
        key: leafKey,
      }
    },
    async intermediate(options = {}) {
      const childKey = await resolveKey(options.key)
      const childSubject = subjectOf(
        options,
        options.name ?? options.commonName ?? `Test Intermediate ${++serial}`,
      )
      const child = await sign(
        party,
        { subject: childSubject, key: childKey },
        options,
        await authorityExtensions(options, key, childKey),
      )
      return authority(child, childKey, childSubject, [child, ...above])
    },
  }
}

async function sign(
  issuer: Party,
  holder: Party,
  options: CertificateOptions,
  extensions: x509.Extension[],
): Promise<Uint8Array<ArrayBuffer>> {
  const now = Date.now()
  const certificate = await x509.X509CertificateGenerator.create({
    issuer: issuer.subject,
    subject: holder.subject,
    notBefore: options.notBefore ?? new Date(now - 3_600_000),
    notAfter: options.notAfter ?? new Date(now + 30 * 86_400_000),
    serialNumber: options.serialNumber ?? randomSerial(),
    publicKey: new x509.PublicKey(holder.key.spki),
    signingKey: issuer.key.privateKey,
    signingAlgorithm: signingAlgorithm(issuer.key.choice, options.hash),
    extensions,
  })
  return new Uint8Array(certificate.rawData)
}

async function authorityExtensions(
  options: AuthorityOptions,
  issuer: KeyPair,
  holder: KeyPair,
): Promise<x509.Extension[]> {
  const extensions: x509.Extension[] = []
  const { ca = true } = options
  if (ca !== 'absent') extensions.push(new x509.BasicConstraintsExtension(ca, options.pathLength, true))
  if (options.nameConstraints) extensions.push(nameConstraints(options.nameConstraints))
  return [
    ...extensions,
    ...(await commonExtensions(options, ['keyCertSign', 'cRLSign', 'digitalSignature'], issuer, holder)),
  ]
}

async function leafExtensions(
  options: LeafOptions,
  issuer: KeyPair,
  holder: KeyPair,
): Promise<x509.Extension[]> {
  const extensions: x509.Extension[] = []
  if (options.ca !== undefined)
    extensions.push(new x509.BasicConstraintsExtension(options.ca, options.pathLength, true))
  const usages = extendedUsages(options.usage)
  if (usages.length > 0) extensions.push(new x509.ExtendedKeyUsageExtension(usages))
  if (options.names && options.names.length > 0) {
    const names = options.names.map((value) => ({
      type: isIp(value) ? ('ip' as const) : ('dns' as const),
      value,
    }))
    extensions.push(new x509.SubjectAlternativeNameExtension(names))
  }
  return [...extensions, ...(await commonExtensions(options, ['digitalSignature'], issuer, holder))]
}

async function commonExtensions(
  options: CertificateOptions,
  usual: readonly KeyUsage[],
  issuer: KeyPair,
  holder: KeyPair,
): Promise<x509.Extension[]> {
  const extensions: x509.Extension[] = []
  if (options.keyUsage !== false) {
    const flags = (options.keyUsage ?? usual).reduce((bits, name) => bits | x509.KeyUsageFlags[name], 0)
    extensions.push(new x509.KeyUsagesExtension(flags, true))
  }
  const identifiers = await Promise.all([keyIdentifier(holder), keyIdentifier(issuer)])
  extensions.push(new x509.SubjectKeyIdentifierExtension(identifiers[0]))
  extensions.push(new x509.AuthorityKeyIdentifierExtension(identifiers[1]))
  // 1.3.6.1.4.1.32473 is the number reserved for examples (RFC 5612); the value is an ASN.1 NULL.
  if (options.unknownCritical)
    extensions.push(new x509.Extension('1.3.6.1.4.1.32473.1', true, new Uint8Array([5, 0])))
  return [...extensions, ...(options.extensions ?? [])]
}

function extendedUsages(usage: LeafOptions['usage'] = 'server'): string[] {
  if (usage === false) return []
  if (typeof usage !== 'string') return [...usage]
  const both = [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]
  return usage === 'both' ? both : [both[usage === 'server' ? 0 : 1] as string]
}

async function keyIdentifier(key: KeyPair): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', key.spki))
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** NameConstraints by hand: SEQUENCE { [0] SEQUENCE OF GeneralSubtree, [1] … }. */
function nameConstraints(constraints: NameConstraints): x509.Extension {
  const subtrees = (tag: number, names: readonly string[] | undefined): Uint8Array =>
    names && names.length > 0
      ? tlv(tag, ...names.map((name) => tlv(0x30, generalName(name))))
      : new Uint8Array()
  const value = tlv(0x30, subtrees(0xa0, constraints.permitted), subtrees(0xa1, constraints.excluded))
  return new x509.Extension('2.5.29.30', constraints.critical ?? true, value)
}

function generalName(name: string): Uint8Array {
  const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0))
  if (name.startsWith('@')) return tlv(0x81, ascii(name.slice(1)))
  if (name.includes('=')) return tlv(0xa4, new Uint8Array(new x509.Name(name).toArrayBuffer()))
  const [address = '', prefix] = name.split('/')
  if (prefix === undefined) return tlv(0x82, ascii(name))
  const bytes = addressBytes(address)
  const mask = bytes.map((_, at) => {
    const bits = Math.max(0, Math.min(8, Number(prefix) - at * 8))
    return (0xff << (8 - bits)) & 0xff
  })
  return tlv(0x87, bytes, mask)
}

function addressBytes(address: string): Uint8Array {
  if (!address.includes(':')) return Uint8Array.from(address.split('.'), Number)
  const [head = '', tail] = address.split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const front = groups(head)
  const back = groups(tail ?? '')
  const middle = tail === undefined ? [] : new Array<string>(8 - front.length - back.length).fill('0')
  return Uint8Array.from(
    [...front, ...middle, ...back].flatMap((group) => {
      const value = Number.parseInt(group, 16)
      return [value >> 8, value & 0xff]
    }),
  )
}

function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff]
  const out = new Uint8Array(head.length + length)
  out.set(head)
  let at = head.length
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

function subjectOf(options: CertificateOptions, commonName: string): string {
  return options.subject ?? `CN=${commonName}`
}

function isIp(name: string): boolean {
  return /^[\d.]+$/.test(name) || name.includes(':')
}

function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function resolveKey(key: KeyChoice | KeyPair | undefined): Promise<KeyPair> | KeyPair {
  return typeof key === 'object' ? key : createKeyPair(key)
}

const generation = {
  'ecdsa-p256': { name: 'ECDSA', namedCurve: 'P-256' },
  'ecdsa-p384': { name: 'ECDSA', namedCurve: 'P-384' },
  ed25519: { name: 'Ed25519' },
  'rsa-2048': rsa('RSASSA-PKCS1-v1_5'),
  'rsa-pss': rsa('RSA-PSS'),
} as const

function rsa(name: string): RsaHashedKeyGenParams {
  return { name, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }
}

async function generate(choice: KeyChoice): Promise<KeyPair> {
  const pair = (await crypto.subtle.generateKey(generation[choice], true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair
  const exported = await Promise.all([
    crypto.subtle.exportKey('spki', pair.publicKey),
    crypto.subtle.exportKey('pkcs8', pair.privateKey),
  ])
  const [spki, pkcs8] = exported.map((buffer) => new Uint8Array(buffer)) as [
    Uint8Array<ArrayBuffer>,
    Uint8Array<ArrayBuffer>,
  ]
  const onlyPss = choice === 'rsa-pss'
  return {
    choice,
    publicKey: pair.publicKey,
    privateKey: pair.privateKey,
    spki: onlyPss ? asPssKey(spki) : spki,
    pkcs8: onlyPss ? asPssKey(pkcs8) : pkcs8,
  }
}

/** WebCrypto exports rsaEncryption whatever the algorithm; this renames the key to id-RSASSA-PSS (RFC 4055 §1.2). */
function asPssKey(der: Uint8Array): Uint8Array<ArrayBuffer> {
  const oid = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01]
  const rsaEncryption = [0x30, 0x0d, ...oid, 0x01, 0x05, 0x00]
  // The outer header is 30 82 xx xx for a key of 2048 bits.
  const body = der.subarray(4)
  const at = body.findIndex((_, start) =>
    rsaEncryption.every((byte, offset) => body[start + offset] === byte),
  )
  const identifier = Uint8Array.from([0x30, 0x0b, ...oid, 0x0a])
  return tlv(0x30, body.subarray(0, at), identifier, body.subarray(at + rsaEncryption.length))
}

function signingAlgorithm(choice: KeyChoice, hash: CertificateOptions['hash']): Algorithm | EcdsaParams {
  if (choice === 'ed25519') return { name: 'Ed25519' }
  if (choice === 'rsa-2048') return { name: 'RSASSA-PKCS1-v1_5', hash: hash ?? 'SHA-256' } as EcdsaParams
  if (choice === 'rsa-pss')
    return { name: 'RSA-PSS', hash: hash ?? 'SHA-256', saltLength: 32 } as unknown as EcdsaParams
  return { name: 'ECDSA', hash: hash ?? (choice === 'ecdsa-p384' ? 'SHA-384' : 'SHA-256') }
}
