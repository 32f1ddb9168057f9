import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { alternativeNames } from '../../../src/gateway/client-names.js'
import { holds } from '../../../src/gateway/policy.js'
import { createAuthority } from '../../support/certificates.js'

const alice = {
  commonName: 'alice',
  organization: ['access', 'editor'],
  organizationalUnit: [],
  ip: ['192.0.2.7'],
  spki: Buffer.alloc(32, 7).toString('base64'),
  dns: ['alice.example.test', 'www.example.test'],
  uri: ['spiffe://example.test/alice'],
  email: ['alice@example.test'],
}

describe('holds', () => {
  it.each([
    ['exact text', { commonName: 'alice' }, true],
    ['other text', { commonName: 'alic' }, false],
    ['a pattern of the whole', { commonName: /a.*e/ }, true],
    ['a pattern of a part', { commonName: /lic/ }, false],
    ['an alternative of a part', { commonName: /x|ali/ }, false],
    ['a multi-line pattern', { dns: /^alice$/m }, false],
    ['a global pattern', { commonName: /alice/g }, true],
    ['any of several names', { dns: 'www.example.test' }, true],
    ['a URI', { uri: 'spiffe://example.test/alice' }, true],
    ['an e-mail address', { email: /.*@example\.test/ }, true],
    ['all fields', { commonName: 'alice', email: 'alice@example.test' }, true],
    ['one field of two', { commonName: 'alice', email: 'bob@example.test' }, false],
    ['nothing asked', {}, false],
    ['one of several organizations', { organization: 'editor' }, true],
    ['an organization that is none', { organization: 'edit' }, false],
    ['a unit where there is none', { organizationalUnit: /.*/ }, false],
    ['an IP address', { ip: '192.0.2.7' }, true],
    ['a key in base64', { spki: Buffer.alloc(32, 7).toString('base64') }, true],
    ['a key in hexadecimal', { spki: '07'.repeat(32) }, true],
    ['another key', { spki: '08'.repeat(32) }, false],
    ['text that is no key', { spki: 'x' }, false],
  ])('%s: %j', (_, rule, expected) => {
    expect(holds(rule, alice)).toBe(expected)
    // Twice: a pattern must carry no state from one client to the next.
    expect(holds(rule, alice)).toBe(expected)
  })

  it('asks in vain for what the certificate does not have', () => {
    expect(holds({ commonName: /.*/ }, { ...alice, commonName: undefined })).toBe(false)
    expect(holds({ uri: /.*/ }, { ...alice, uri: [] })).toBe(false)
  })
})

describe('alternativeNames', () => {
  it('reads what Node prints for a certificate', async () => {
    const authority = await createAuthority()
    const { certificate } = await authority.issue({
      names: ['a.example.test', 'b.example.test', '192.0.2.1'],
    })
    const text = new X509Certificate(certificate).subjectAltName!
    expect(alternativeNames(text)).toEqual({
      dns: ['a.example.test', 'b.example.test'],
      uri: [],
      email: [],
      ip: ['192.0.2.1'],
    })
  })

  it('is not fooled by a value that looks like syntax', () => {
    expect(alternativeNames('DNS:a, URI:"http://x/, DNS:bank.example", email:m@x')).toEqual({
      dns: ['a'],
      uri: ['http://x/, DNS:bank.example'],
      email: ['m@x'],
      ip: [],
    })
    expect(alternativeNames('DNS:"a\\"b, DNS:c"')).toEqual({
      dns: ['a"b, DNS:c'],
      uri: [],
      email: [],
      ip: [],
    })
  })

  it('finds nothing in an empty extension', () => {
    expect(alternativeNames('')).toEqual({ dns: [], uri: [], email: [], ip: [] })
  })
})
