import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { Bytes } from '../../../src/bytes/index.js'
import { CertificateError } from '../../../src/errors.js'
import { dangerously, trustStore } from '../../../src/pki/trust.js'
import { type ChainExpectation, type ChainInput, verifyChain } from '../../../src/pki/verify.js'
import { parseCertificate } from '../../../src/pki/whole.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { type Authority, createAuthority, createKeyPair, type Issued } from '../../support/certificates.js'
import { bits, certificate, oid, rejection, sequence } from './der-bytes.js'

const day = 86_400_000
const now = Date.now()

let root: Authority
let leaf: Issued
beforeAll(async () => {
  root = await createAuthority({ name: 'Root' })
  leaf = await root.issue({ names: ['db.example.test'] })
})

interface Given extends Partial<ChainExpectation>, Pick<ChainInput, 'limits'> {
  now?: number
}

const verify = (chain: readonly Uint8Array[], anchor: Authority | Authority[], given: Given = {}) => {
  const { now: at = now, limits, ...expectation } = given
  return verifyChain({
    chain,
    expectation: {
      trust: trustStore([anchor].flat().map(({ certificate }) => certificate)),
      purpose: 'server',
      serverName: 'db.example.test',
      ...expectation,
    },
    now: at,
    crypto: nodeCrypto,
    ...(limits === undefined ? {} : { limits }),
  })
}

const refusal = async (...args: Parameters<typeof verify>): Promise<CertificateError> => {
  const error = await rejection(verify(...args))
  expect(error).toBeInstanceOf(CertificateError)
  return error as CertificateError
}

describe('a path', () => {
  it('leads from the leaf to the anchor', async () => {
    const result = await verify(leaf.chainDer, root)
    expect(result.verified).toBe(true)
    expect(result.path.map((c) => c.der)).toEqual([leaf.der, root.der])
  })

  it.each(['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'ed25519', 'rsa-pss'] as const)(
    'of %s keys',
    async (key) => {
      const ca = await createAuthority({ key })
      const issued = await (await ca.intermediate({ key })).issue({ names: ['db.example.test'], key })
      const { path } = await verify(issued.chainDer, ca)
      expect(path).toHaveLength(3)
    },
  )

  it('is found in any order, beside strangers', async () => {
    const middle = await root.intermediate()
    const lower = await middle.intermediate()
    const issued = await lower.issue({ names: ['db.example.test'] })
    const stranger = await createAuthority()
    const chain = [issued.der, stranger.der, root.der, middle.der, new Uint8Array([1, 2, 3]), lower.der]
    const { path } = await verify(chain, root)
    expect(path.map((c) => c.der)).toEqual([issued.der, lower.der, middle.der, root.der])
  })

  it('may end at an anchor that is no root, and at the leaf itself', async () => {
    const middle = await root.intermediate()
    const issued = await middle.issue({ names: ['db.example.test'] })
    expect((await verify([issued.der], middle)).path).toHaveLength(2)
    const own = { ...root, certificate: leaf.certificate }
    expect((await verify([leaf.der], own)).path).toHaveLength(1)
    expect((await refusal([leaf.der], own, { serverName: 'other.test' })).code).toBe('ERR_CERT_NAME_MISMATCH')
    expect((await refusal([leaf.der], own, { now: now + 60 * day })).code).toBe('ERR_CERT_EXPIRED')
  })

  it('goes around an expired cross-certificate', async () => {
    const key = await createKeyPair()
    const other = await createAuthority()
    const good = await root.intermediate({ name: 'Cross', key })
    const expired = await other.intermediate({
      name: 'Cross',
      key,
      notBefore: new Date(now - 9 * day),
      notAfter: new Date(now - day),
    })
    const issued = await good.issue({ names: ['db.example.test'] })
    for (const order of [
      [expired.der, good.der],
      [good.der, expired.der],
    ])
      expect((await verify([issued.der, ...order], [other, root])).path[2]!.der).toEqual(root.der)
    expect(await refusal([issued.der, expired.der], [other, root])).toMatchObject({
      code: 'ERR_CERT_EXPIRED',
      depth: 1,
      subject: 'CN=Cross',
    })
  })

  it('tries authorities of the same name with different keys', async () => {
    const rotated = await createAuthority({ name: 'Root' })
    expect((await verify(leaf.chainDer, [rotated, root])).path[1]!.der).toEqual(root.der)
    expect(await refusal(leaf.chainDer, rotated)).toMatchObject({
      code: 'ERR_CERT_SIGNATURE',
      depth: 0,
      alert: 'bad_certificate',
    })
  })

  it('does not look at the signature of an anchor', async () => {
    const broken = new Uint8Array(root.der)
    broken[broken.length - 1]! ^= 1
    expect((await verify(leaf.chainDer, root, { trust: trustStore([broken]) })).verified).toBe(true)
  })

  it('goes on past an anchor that cannot be parsed, or reports it', async () => {
    // Same subject, but the key is of a curve that is not accepted.
    const broken = certificate({
      subject: parseCertificate(root.der).subject.der,
      key: sequence(
        sequence(oid('1.2.840.10045.2.1'), oid('1.3.132.0.10')),
        bits(new Uint8Array(65).fill(4)),
      ),
    })
    const both = trustStore([broken, root.der])
    expect((await verify(leaf.chainDer, root, { trust: both })).verified).toBe(true)
    expect((await refusal(leaf.chainDer, root, { trust: trustStore([broken]) })).code).toBe(
      'ERR_CERT_ALGORITHM',
    )
  })
})

describe('a refusal', () => {
  it('names an empty chain', async () => {
    expect((await refusal([], root)).code).toBe('ERR_CERT_MISSING')
  })

  it('names an unknown issuer', async () => {
    const other = await createAuthority()
    expect(await refusal(leaf.chainDer, other)).toMatchObject({
      code: 'ERR_CERT_UNTRUSTED',
      alert: 'unknown_ca',
      depth: 0,
      subject: 'CN=db.example.test',
    })
  })

  it('names the last certificate of a chain that leads elsewhere', async () => {
    const other = await createAuthority()
    const middle = await other.intermediate({ name: 'Elsewhere' })
    const issued = await middle.issue({ names: ['db.example.test'] })
    expect(await refusal(issued.chainDer, root)).toMatchObject({
      code: 'ERR_CERT_UNTRUSTED',
      depth: 1,
      subject: 'CN=Elsewhere',
    })
  })

  it('names time', async () => {
    const { notBefore, notAfter } = parseCertificate(leaf.der)
    expect(await refusal(leaf.chainDer, root, { now: notAfter + 1000 })).toMatchObject({
      code: 'ERR_CERT_EXPIRED',
      alert: 'certificate_expired',
      depth: 0,
    })
    expect((await refusal(leaf.chainDer, root, { now: notBefore - 1 })).code).toBe('ERR_CERT_NOT_YET_VALID')
    expect((await verify(leaf.chainDer, root, { now: notAfter + 999 })).verified).toBe(true)
    expect((await verify(leaf.chainDer, root, { now: notBefore })).verified).toBe(true)
  })

  it('names a name', async () => {
    expect(await refusal(leaf.chainDer, root, { serverName: 'web.example.test' })).toMatchObject({
      code: 'ERR_CERT_NAME_MISMATCH',
      depth: 0,
    })
    const nameless = await root.issue({ commonName: 'db.example.test' })
    expect((await refusal(nameless.chainDer, root)).code).toBe('ERR_CERT_NAME_MISMATCH')
  })

  it('names the purpose', async () => {
    const client = await root.issue({ names: ['db.example.test'], usage: 'client' })
    expect(await refusal(client.chainDer, root)).toMatchObject({
      code: 'ERR_CERT_PURPOSE',
      alert: 'unsupported_certificate',
    })
    expect((await verify(client.chainDer, root, { purpose: 'client' })).verified).toBe(true)
    expect((await refusal(leaf.chainDer, root, { purpose: 'client' })).code).toBe('ERR_CERT_PURPOSE')
    const any = await root.issue({ names: ['db.example.test'], usage: ['2.5.29.37.0'] })
    expect((await refusal(any.chainDer, root)).code).toBe('ERR_CERT_PURPOSE')
    const silent = await root.issue({ names: ['db.example.test'], usage: false })
    expect((await verify(silent.chainDer, root)).verified).toBe(true)
  })

  it('names what an issuer may not do', async () => {
    const cases: [Promise<Authority>, string][] = [
      [root.intermediate({ ca: false, keyUsage: ['digitalSignature'] }), 'ERR_CERT_CONSTRAINT'],
      [root.intermediate({ ca: 'absent', keyUsage: false }), 'ERR_CERT_CONSTRAINT'],
      [root.intermediate({ keyUsage: ['digitalSignature', 'cRLSign'] }), 'ERR_CERT_CONSTRAINT'],
      [root.intermediate({ unknownCritical: true }), 'ERR_CERT_CONSTRAINT'],
      [root.intermediate({ nameConstraints: { excluded: ['example.test'] } }), 'ERR_CERT_CONSTRAINT'],
      [
        root.intermediate({ nameConstraints: { permitted: ['other.test'], critical: false } }),
        'ERR_CERT_CONSTRAINT',
      ],
    ]
    for (const [middle, code] of cases) {
      const issued = await (await middle).issue({ names: ['db.example.test'] })
      expect((await refusal(issued.chainDer, root)).code).toBe(code)
    }
  })

  it('names a path that is too long for a CA', async () => {
    const short = await createAuthority({ pathLength: 0 })
    const issued = await (await short.intermediate({ name: 'Middle' })).issue({ names: ['db.example.test'] })
    expect(await refusal(issued.chainDer, short)).toMatchObject({ code: 'ERR_CERT_CONSTRAINT', depth: 2 })
    const direct = await short.issue({ names: ['db.example.test'] })
    expect((await verify(direct.chainDer, short)).verified).toBe(true)
  })

  it('names a leaf that breaks the rules', async () => {
    const unknown = await root.issue({ names: ['db.example.test'], unknownCritical: true })
    expect((await refusal(unknown.chainDer, root)).code).toBe('ERR_CERT_CONSTRAINT')
    const signing = await root.issue({
      names: ['db.example.test'],
      keyUsage: ['digitalSignature', 'keyCertSign'],
    })
    expect((await refusal(signing.chainDer, root)).code).toBe('ERR_CERT_CONSTRAINT')
  })

  it('names weak hashes', async () => {
    const issued = await root.issue({ names: ['db.example.test'], hash: 'SHA-1' })
    expect(await refusal(issued.chainDer, root)).toMatchObject({ code: 'ERR_CERT_ALGORITHM', depth: 0 })
    const old = await createAuthority({ hash: 'SHA-1' })
    const fine = await old.issue({ names: ['db.example.test'] })
    expect((await verify(fine.chainDer, old)).verified).toBe(true)
  })

  it('names a forged signature', async () => {
    const forged = new Uint8Array(leaf.der)
    forged[forged.length - 1]! ^= 1
    expect((await refusal([forged], root)).code).toBe('ERR_CERT_SIGNATURE')
  })

  it('meets every changed byte', async () => {
    const issued = await (await root.intermediate()).issue({ names: ['db.example.test'] })
    for (const [index, der] of issued.chainDer.entries())
      for (let at = 0; at < der.length; at++) {
        const changed = new Uint8Array(der)
        changed[at]! ^= 0x04
        await refusal(issued.chainDer.with(index, changed), root)
      }
  })

  it('names a leaf that is not DER', async () => {
    expect((await refusal([new Uint8Array([0x30, 0x80])], root)).code).toBe('ERR_CERT_ENCODING')
  })
})

describe('pins', () => {
  const pinOf = (der: Uint8Array): Bytes =>
    nodeCrypto.hashes['SHA-256'].digest(parseCertificate(der).publicKey.spki)

  it('hold when one certificate of the path has the key', async () => {
    expect((await verify(leaf.chainDer, root, { pins: [pinOf(leaf.der)] })).verified).toBe(true)
    expect(
      (await verify(leaf.chainDer, root, { pins: [new Uint8Array(32), pinOf(root.der)] })).verified,
    ).toBe(true)
    expect((await refusal(leaf.chainDer, root, { pins: [new Uint8Array(32)] })).code).toBe('ERR_CERT_PINNED')
  })

  it('count the leaf alone where nothing else is proven', async () => {
    const trust = dangerously.anyCertificate('a test')
    const stranger = await createAuthority()
    const chain = [leaf.der, stranger.der]
    expect((await verify(chain, root, { trust, pins: [pinOf(leaf.der)] })).verified).toBe(false)
    expect((await refusal(chain, root, { trust, pins: [pinOf(stranger.der)] })).code).toBe('ERR_CERT_PINNED')
  })
})

describe('unverified trust', () => {
  it('says so', async () => {
    const trust = dangerously.anyCertificate('a test')
    const result = await verify(leaf.chainDer, root, { trust, serverName: 'other.test' })
    expect(result).toMatchObject({ verified: false })
    expect(result.path).toHaveLength(1)
  })
})

describe('the budget', () => {
  it('bounds certificates', async () => {
    const limits = { certificates: 1 }
    expect((await refusal([leaf.der, root.der], root, { limits })).code).toBe('ERR_CERT_BUDGET')
  })

  it('bounds intermediates', async () => {
    const issued = await (await (await root.intermediate()).intermediate()).issue({
      names: ['db.example.test'],
    })
    expect((await verify(issued.chainDer, root, { limits: { intermediates: 2 } })).verified).toBe(true)
    expect((await refusal(issued.chainDer, root, { limits: { intermediates: 1 } })).code).toBe(
      'ERR_CERT_BUDGET',
    )
  })

  it('bounds signatures, which are verified once for each key', async () => {
    const shared = await createKeyPair()
    const impostors = await Promise.all(Array.from({ length: 12 }, () => createAuthority({ name: 'Root' })))
    let count = 0
    const counting = {
      ...nodeCrypto,
      verify: (...args: Parameters<typeof nodeCrypto.verify>) => {
        count++
        return nodeCrypto.verify(...args)
      },
    }
    const run = (chain: Uint8Array[], signatures: number) =>
      rejection(
        verifyChain({
          chain,
          expectation: { trust: trustStore(impostors.map((each) => each.certificate)), purpose: 'server' },
          now,
          crypto: counting,
          limits: { signatures },
        }),
      )
    expect((await run([leaf.der], 100)).code).toBe('ERR_CERT_SIGNATURE')
    expect(count).toBe(12)
    count = 0
    expect((await run([leaf.der], 5)).code).toBe('ERR_CERT_BUDGET')
    expect(count).toBe(5)
    count = 0
    const twins = await Promise.all(
      Array.from({ length: 12 }, () => createAuthority({ name: 'Root', key: shared })),
    )
    await run([leaf.der, ...twins.map(({ der }) => der)], 100)
    expect(count).toBe(13)
  })

  it('bounds comparisons with name constraints, and candidates', async () => {
    const permitted = Array.from({ length: 50 }, (_, i) => `n${i}.test`)
    const middle = await root.intermediate({ nameConstraints: { permitted: [...permitted, 'example.test'] } })
    const issued = await middle.issue({ names: ['db.example.test'] })
    expect((await verify(issued.chainDer, root)).verified).toBe(true)
    expect((await refusal(issued.chainDer, root, { limits: { comparisons: 40 } })).code).toBe(
      'ERR_CERT_BUDGET',
    )
    expect((await refusal(issued.chainDer, root, { limits: { candidates: 1 } })).code).toBe('ERR_CERT_BUDGET')
  })

  it('ends a search among authorities that all sign each other', async () => {
    const keys = await Promise.all(Array.from({ length: 7 }, () => createKeyPair()))
    const authorities = await Promise.all(keys.map((key, i) => createAuthority({ name: `CA ${i}`, key })))
    const crossed = await Promise.all(
      authorities.flatMap((by, i) =>
        keys.flatMap((key, k) => (k === i ? [] : [by.intermediate({ name: `CA ${k}`, key })])),
      ),
    )
    const issued = await authorities[0]!.issue({ names: ['db.example.test'] })
    const chain = [issued.der, ...crossed.map(({ der }) => der)]
    expect((await refusal(chain, root)).code).toBe('ERR_CERT_BUDGET')
    expect((await verify(chain, authorities[6]!)).verified).toBe(true)
  })
})

describe('a provider that lacks an algorithm', () => {
  it('is named, unless another path does without it', async () => {
    const ca = await createAuthority({ key: 'ed25519', name: 'Edwards' })
    const issued = await ca.issue({ names: ['db.example.test'] })
    const crypto = {
      ...nodeCrypto,
      canVerify: (...[algorithm, key]: Parameters<typeof nodeCrypto.canVerify>) =>
        algorithm.kind !== 'ed25519' && nodeCrypto.canVerify(algorithm, key),
    }
    const expectation = { trust: trustStore(ca.certificate), purpose: 'server' } as const
    const error = await rejection(verifyChain({ chain: issued.chainDer, expectation, now, crypto }))
    expect(error.code).toBe('ERR_CRYPTO_UNAVAILABLE')
  })
})

describe('a refusal', () => {
  const other = { serverName: 'other.test' }
  const late = { now: now + 90 * day }

  it('names the certificate at fault', async () => {
    for (const given of [other, late])
      expect((await refusal(leaf.chainDer, root, given)).detail).toMatch(/^CN=db\.example\.test: /)
    expect((await refusal(leaf.chainDer, root, other)).detail).toMatch(/other\.test .*db\.example\.test$/)
    expect((await refusal([leaf.der], await createAuthority({ name: 'B' }))).detail).toMatch(/CN=Root$/)
  })

  it('is the same one, but for what it says, where that cannot be loaded', async () => {
    vi.doMock('../../../src/pki/refusal.js', () => Promise.reject(new Error('offline')))
    const codes = [await refusal(leaf.chainDer, root, other), await refusal(leaf.chainDer, root, late)]
    vi.doUnmock('../../../src/pki/refusal.js')
    expect(codes).toMatchObject([
      { code: 'ERR_CERT_NAME_MISMATCH', alert: 'bad_certificate', depth: 0, subject: undefined },
      { code: 'ERR_CERT_EXPIRED', alert: 'certificate_expired', depth: 0, subject: undefined },
    ])
    expect((await refusal(leaf.chainDer, root, late)).subject).toBe('CN=db.example.test')
  })
})

describe('name constraints that cannot be read', () => {
  // RFC 5280 §4.2.1.10: a host name has no leading period.
  const nameConstraints = { permitted: ['.example.test'] }

  it('refuse an issuer, applied or not, unless another path does without it', async () => {
    const key = await createKeyPair()
    const middle = await root.intermediate({ name: 'Middle', key, nameConstraints })
    const issued = await middle.issue({ names: ['db.example.test'] })
    expect((await refusal([issued.der, middle.der], root)).code).toBe('ERR_CERT_ENCODING')
    const sound = await root.intermediate({ name: 'Middle', key })
    expect((await verify([issued.der, middle.der, sound.der], root)).path[1]!.der).toEqual(sound.der)
  })

  it('refuse a leaf that is a CA, whomever one trusts', async () => {
    const { der } = await root.intermediate({ nameConstraints })
    expect((await refusal([der], root)).code).toBe('ERR_CERT_ENCODING')
    const unverified = { trust: dangerously.anyCertificate('a test') }
    expect((await refusal([der], root, unverified)).code).toBe('ERR_CERT_ENCODING')
  })
})

describe('a clock that is no number', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, undefined as never])('is refused: %s', async (at) => {
    const expired = await root.issue({ names: ['db.example.test'], notAfter: new Date(now - day) })
    const expectation = { trust: trustStore(root.certificate), purpose: 'server' } as const
    const error = await rejection(
      verifyChain({ chain: expired.chainDer, expectation, now: at, crypto: nodeCrypto }),
    )
    expect(error.code).toBe('ERR_CONFIG_INVALID')
  })
})
