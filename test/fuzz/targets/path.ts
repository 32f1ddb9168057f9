// Path validation over generated graphs: cycles, cross-signs, many certificates of one name, wrong keys, wrong dates, narrow
// budgets. Whatever path comes out holds against a plain second reading of the rules.
import { createHash, generateKeyPairSync, type KeyObject, sign, verify, X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { concat, equal, utf8 } from '../../../src/bytes/index.js'
import { element } from '../../../src/der/index.js'
import { type PathLimits, trustStore, verifyChain } from '../../../src/pki/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { must, outcomeOf, type Target, target } from '../target.js'

interface Node {
  readonly subject: number
  readonly issuer: number
  readonly key: number
  readonly signer: number
  readonly ca: boolean
  readonly pathLength: number
  readonly days: readonly [number, number]
  readonly hints: boolean
  readonly constraint: number
  readonly broken: boolean
}

interface Graph {
  readonly nodes: readonly Node[]
  readonly anchors: readonly number[]
  readonly limits: Partial<PathLimits>
  readonly repeat: number
}

const names = 7
const keys = 5
const now = Date.UTC(2026, 5, 1)
const day = 86_400_000
const host = 'inner.example.com'

const node = fc.record({
  subject: fc.nat(names - 1),
  issuer: fc.nat(names - 1),
  key: fc.nat(keys - 1),
  signer: fc.nat(keys - 1),
  ca: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  pathLength: fc.oneof({ weight: 5, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat(3) }),
  days: fc.oneof(
    { weight: 8, arbitrary: fc.constant([-10, 10] as const) },
    { weight: 1, arbitrary: fc.tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -5, max: 5 })) },
  ),
  hints: fc.boolean(),
  constraint: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
  ),
  broken: fc.oneof(
    { weight: 12, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
})

/** Keys follow names, so that most signatures are right; a few nodes are wrong on purpose. */
const consistent = node.map((each) => ({ ...each, key: each.subject % keys, signer: each.issuer % keys }))

const small = fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 12 }))
const graph = fc.record({
  nodes: fc.array(fc.oneof({ weight: 4, arbitrary: consistent }, { weight: 1, arbitrary: node }), {
    minLength: 1,
    maxLength: 40,
  }),
  anchors: fc.array(fc.nat(39), { minLength: 1, maxLength: 4 }),
  limits: fc
    .record({ candidates: small, signatures: small, intermediates: small, comparisons: small })
    .map((limits) => Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== undefined))),
  repeat: fc.oneof(
    { weight: 10, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: 200 }) },
  ),
})

export const pathTarget: Target = target('path', 'path validation over generated graphs', () => {
  const pairs = Array.from({ length: keys }, () => generateKeyPairSync('ec', { namedCurve: 'P-256' }))
  const made = new Map<string, Uint8Array>()
  const issue = (from: Node, leaf: boolean): Uint8Array => {
    const id = JSON.stringify([from, leaf])
    const known = made.get(id)
    if (known !== undefined) return known
    const certificate = certify(from, leaf, pairs)
    if (made.size > 5000) made.clear()
    made.set(id, certificate)
    return certificate
  }
  return {
    input: graph,
    async execute({ nodes, anchors, limits, repeat }: Graph) {
      const [leaf, ...others] = nodes
      const chosen = anchors.map((i) => issue({ ...nodes[i % nodes.length]! }, false))
      const sent = Array.from({ length: repeat }, () => others.map((each) => issue(each, false))).flat()
      const { value, error } = await outcomeOf(() =>
        verifyChain({
          chain: [issue(leaf!, true), ...sent],
          expectation: { trust: trustStore(chosen), serverName: host, purpose: 'server' },
          now,
          crypto: nodeCrypto,
          limits,
        }),
      )
      if (error !== undefined) {
        must(error.code.startsWith('ERR_CERT_'), `path validation ended with ${error.code}`)
        return
      }
      const path = value.path.map(({ der }) => der)
      must(value.verified && path.length > 0, 'verified without a path')
      must(
        chosen.some((anchor) => equal(anchor, path.at(-1)!)),
        'a path that ends at no anchor',
      )
      secondReading(
        path,
        value.path.map((each) => each.subject.key),
      )
    },
  }
})

/** The rules that decide, by node:crypto and nothing of ours. */
function secondReading(path: readonly Uint8Array[], subjects: readonly string[]): void {
  const read = path.map((der) => new X509Certificate(der))
  for (const [i, certificate] of read.entries()) {
    must(
      Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo),
      `certificate ${i} is not valid now`,
    )
    const issuer = read[i + 1]
    if (issuer === undefined) continue
    must(issuer.ca, `certificate ${i + 1} is no CA`)
    must(certificate.issuer === issuer.subject, `certificate ${i} names another issuer`)
    must(certificate.verify(issuer.publicKey), `certificate ${i} is not signed by its issuer`)
  }
  must(
    new Set(read.map(({ raw }) => raw.toString('hex'))).size === read.length,
    `a path with a cycle: ${subjects.join(' ')}`,
  )
}

const oid = {
  commonName: '0603550403',
  ecdsaSha256: '06082a8648ce3d040302',
  basicConstraints: '0603551d13',
  keyUsage: '0603551d0f',
  altName: '0603551d11',
  subjectKeyId: '0603551d0e',
  authorityKeyId: '0603551d23',
  nameConstraints: '0603551d1e',
} as const

function certify(
  from: Node,
  leaf: boolean,
  pairs: readonly { publicKey: KeyObject; privateKey: KeyObject }[],
): Uint8Array {
  const raw = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))
  const algorithm = element(0x30, raw(oid.ecdsaSha256))
  const name = (index: number) =>
    element(0x30, element(0x31, element(0x30, raw(oid.commonName), element(0x0c, utf8(`name ${index}`)))))
  const time = (days: number) => {
    const text = new Date(now + days * day)
      .toISOString()
      .replace(/[-:T]|\.\d+/g, '')
      .slice(2)
    return element(0x17, utf8(text))
  }
  const spki = (index: number) =>
    Uint8Array.from(pairs[index]!.publicKey.export({ type: 'spki', format: 'der' }))
  const keyId = (index: number) => Uint8Array.from(createHash('sha1').update(spki(index)).digest())
  const extension = (type: string, value: Uint8Array, critical = false) =>
    element(0x30, raw(type), ...(critical ? [raw('0101ff')] : []), element(4, value))
  const dns = ['', 'example.com', 'other.test', host][from.constraint]!
  const ca = from.ca && !leaf
  const extensions = [
    extension(
      oid.basicConstraints,
      element(
        0x30,
        ...(ca ? [raw('0101ff')] : []),
        ...(ca && from.pathLength >= 0 ? [element(2, Uint8Array.of(from.pathLength))] : []),
      ),
      true,
    ),
    extension(oid.keyUsage, raw(ca ? '03020106' : '03020780'), true),
    ...(leaf ? [extension(oid.altName, element(0x30, element(0x82, utf8(host))))] : []),
    ...(from.hints
      ? [
          extension(oid.subjectKeyId, element(4, keyId(from.key))),
          extension(oid.authorityKeyId, element(0x30, element(0x80, keyId(from.signer)))),
        ]
      : []),
    ...(ca && dns !== ''
      ? [
          extension(
            oid.nameConstraints,
            element(0x30, element(0xa0, element(0x30, element(0x82, utf8(dns))))),
            true,
          ),
        ]
      : []),
  ]
  const tbs = element(
    0x30,
    element(0xa0, raw('020102')),
    element(2, Uint8Array.of(1 + from.subject * 8 + from.issuer)),
    algorithm,
    name(from.issuer),
    element(0x30, time(Math.min(...from.days)), time(Math.max(...from.days))),
    name(leaf ? 100 + from.subject : from.subject),
    spki(from.key),
    element(0xa3, element(0x30, ...extensions)),
  )
  const signature = Uint8Array.from(sign('sha256', tbs, pairs[from.signer]!.privateKey))
  if (from.broken) signature[signature.length - 1]! ^= 1
  must(
    from.broken || verify('sha256', tbs, pairs[from.signer]!.publicKey, signature),
    'the fuzzer signs wrongly',
  )
  return element(0x30, tbs, algorithm, element(3, concat(new Uint8Array(1), signature)))
}
