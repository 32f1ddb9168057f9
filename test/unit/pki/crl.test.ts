import { createPrivateKey, sign } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { fromHex } from '../../../src/bytes/index.js'
import { parseRevocationList } from '../../../src/pki/crl.js'
import { trustStore } from '../../../src/pki/trust.js'
import { verifyChain } from '../../../src/pki/verify.js'
import { parseCertificate } from '../../../src/pki/whole.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { type Authority, createAuthority, createKeyPair, type Issued } from '../../support/certificates.js'
import {
  ascii,
  bits,
  codeOf,
  ecdsaSha256,
  element,
  extension,
  integer,
  rejection,
  sequence,
} from './der-bytes.js'

const now = Date.now()
const utc = (ms: number) => ascii(0x17, `${new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14)}Z`)
const number = () => extension('2.5.29.20', integer(1))

interface Options {
  version?: Uint8Array[]
  revoked?: readonly Uint8Array[]
  thisUpdate?: number
  nextUpdate?: number | undefined
  extensions?: Uint8Array[]
  entryExtensions?: Uint8Array[]
}

/** A list signed by an ECDSA authority. */
function list(by: Authority, options: Options = {}): Uint8Array {
  const { revoked = [], thisUpdate = now - 1000, extensions = [number()], entryExtensions = [] } = options
  const nextUpdate = 'nextUpdate' in options ? options.nextUpdate : now + 86_400_000
  const entries = revoked.map((serial) =>
    sequence(
      element(2, serial),
      utc(now - 5000),
      ...(entryExtensions.length > 0 ? [sequence(...entryExtensions)] : []),
    ),
  )
  const tbs = sequence(
    ...(options.version ?? [integer(1)]),
    ecdsaSha256(),
    parseCertificate(by.der).subject.der,
    utc(thisUpdate),
    ...(nextUpdate === undefined ? [] : [utc(nextUpdate)]),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    ...(extensions.length === 0 ? [] : [element(0xa0, sequence(...extensions))]),
  )
  const signature = sign('sha256', tbs, createPrivateKey(by.privateKey))
  return sequence(tbs, ecdsaSha256(), bits(new Uint8Array(signature)))
}

let root: Authority
let leaf: Issued
let serial: Uint8Array
beforeAll(async () => {
  root = await createAuthority({ name: 'Root' })
  leaf = await root.issue({ names: ['a.test'] })
  serial = parseCertificate(leaf.der).serialNumber
})

const verify = (crls: Uint8Array[], chain = leaf.chainDer, anchor = root) =>
  verifyChain({
    chain,
    expectation: { trust: trustStore(anchor.certificate), purpose: 'server', crls },
    now,
    crypto: nodeCrypto,
  })
const codeFor = async (...args: Parameters<typeof verify>) => (await rejection(verify(...args))).code

describe('revocation lists', () => {
  it('revoke what they list, and nothing else', async () => {
    expect((await verify([])).verified).toBe(true)
    expect((await verify([list(root)])).verified).toBe(true)
    expect((await verify([list(root, { revoked: [fromHex('0102')] })])).verified).toBe(true)
    expect(await rejection(verify([list(root, { revoked: [fromHex('0102'), serial] })]))).toMatchObject({
      code: 'ERR_CERT_REVOKED',
      alert: 'certificate_revoked',
      depth: 0,
    })
  })

  it('say nothing about the certificates of others', async () => {
    const other = await createAuthority({ name: 'Other' })
    expect((await verify([list(other, { revoked: [serial] })])).verified).toBe(true)
  })

  it('revoke intermediates, around which another path may lead', async () => {
    const key = await createKeyPair()
    const bad = await root.intermediate({ name: 'Middle', key })
    const issued = await bad.issue({ names: ['a.test'] })
    const crl = list(root, { revoked: [parseCertificate(bad.der).serialNumber] })
    expect(await rejection(verify([crl], issued.chainDer))).toMatchObject({
      code: 'ERR_CERT_REVOKED',
      depth: 1,
    })
    const good = await root.intermediate({ name: 'Middle', key })
    expect((await verify([crl], [...issued.chainDer, good.der])).path).toHaveLength(3)
  })

  it('must be usable', async () => {
    const unusable: Options[] = [
      { nextUpdate: now - 1000 },
      { thisUpdate: now + 60_000 },
      { extensions: [extension('2.5.29.35', sequence())] },
      { extensions: [extension('2.5.29.20', integer(1), true)] },
      { extensions: [number(), extension('2.5.29.28', sequence(), true)] },
      { revoked: [fromHex('05')], entryExtensions: [extension('2.5.29.29', sequence(), true)] },
    ]
    for (const options of unusable) expect(await codeFor([list(root, options)])).toBe('ERR_CERT_CRL')
    expect((await verify([list(root, { nextUpdate: undefined })])).verified).toBe(true)
  })

  it('must be signed by the issuer, which must be allowed to', async () => {
    const impostor = await createAuthority({ name: 'Root' })
    expect(await codeFor([list(impostor)])).toBe('ERR_CERT_CRL')
    const mute = await createAuthority({ name: 'Mute', keyUsage: ['keyCertSign'] })
    const issued = await mute.issue({ names: ['a.test'] })
    expect(await codeFor([list(mute)], issued.chainDer, mute)).toBe('ERR_CERT_CRL')
  })

  it('must be well-formed', () => {
    expect(codeOf(() => parseRevocationList(new Uint8Array([0x30, 0])))).toBe('ERR_CERT_CRL')
    expect(codeOf(() => parseRevocationList(list(root, { version: [integer(0)] })))).toBe('ERR_CERT_CRL')
    const whole = list(root, { revoked: [serial] })
    for (let length = 0; length < whole.length; length++)
      expect(codeOf(() => parseRevocationList(whole.subarray(0, length)))).toBe('ERR_CERT_CRL')
  })
})
