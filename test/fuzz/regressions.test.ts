// What fuzzing found and a property alone would not tell again: exact outcomes, and that work grows with the length of the input
// and not with its square.
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { latin1 } from '../../src/bytes/index.js'
import { clientAddress, forwardedRule } from '../../src/gateway/forwarded.js'
import { readYaml } from '../../src/login/yaml.js'
import { loadIdentity, parseCertificate, parsePem } from '../../src/pki/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { parseConnect } from '../../src/proxy/connect-request.js'
import { parseRequest } from '../../src/proxy/socks5.js'
import { fieldValues, httpHeadParser, trimmed } from '../../src/tunnel/http-head.js'
import { createAuthority } from '../support/certificates.js'

const spaces = ' '.repeat(60_000)

describe('white space', () => {
  it('around a value goes, within it stays, at any length', () => {
    expect(trimmed(`${spaces}a${spaces}b\t `)).toBe(`a${spaces}b`)
    expect(trimmed(spaces)).toBe('')
    // Not white space of HTTP: RFC 9110 §5.6.3.
    expect(trimmed('\xa0a\xa0')).toBe('\xa0a\xa0')
  })
  it('by the tens of thousands in a header is read at once', () => {
    const parser = httpHeadParser({ bytes: 64 * 1024, interim: 8 })
    const cpu = process.cpuUsage()
    const read = parser.feed(latin1(`HTTP/1.1 200 OK\r\nX: a${spaces}b\r\n\r\n`))
    expect(fieldValues(read!.head, 'x')[0]).toHaveLength(60_002)
    expect(process.cpuUsage(cpu).user).toBeLessThan(2_000_000)
  })
})

describe('Forwarded', () => {
  const rule = forwardedRule({ header: 'forwarded', hops: 1 })
  it.each([
    ['for= inside the value of another parameter', 'host="a;for=6.6.6.6";for=192.0.2.1', '192.0.2.1'],
    ['for= inside a quoted value with a comma', 'by="x,for=6.6.6.6";for=192.0.2.1', '192.0.2.1'],
    ['for= inside a quoted value and nowhere else', 'host="a;for=6.6.6.6"', '10.9.9.9'],
    ['a quote that nothing closes before it', 'for="x, for=192.0.2.1', '192.0.2.1'],
    ['escaped quotes', 'by="a\\",for=6.6.6.6\\"", for=192.0.2.1', '192.0.2.1'],
  ])('%s', (_, line, address) => {
    expect(clientAddress(rule, { forwarded: line }, '10.9.9.9')).toBe(address)
  })
})

describe('YAML', () => {
  it.each([
    ['lists in lists', '['.repeat(101)],
    ['lists in lists, in lines', '- '.repeat(101)],
    ['maps in maps', '{a: '.repeat(101)],
    ['keys in keys', '? '.repeat(101)],
    ['maps in maps, in lines', Array.from({ length: 101 }, (_, at) => `${' '.repeat(at)}a:\n`).join('')],
    ['more than 64 KiB', `a: ${'b'.repeat(64 * 1024)}`],
  ])('%s: not read', async (_, text) => {
    expect(await readYaml(text)).toBeUndefined()
  })
  it('is read up to there', async () => {
    const deep = `a: ${'['.repeat(90)}${']'.repeat(90)}`
    expect((await readYaml(deep))?.errors).toEqual([])
    expect(JSON.stringify((await readYaml(deep))?.toJS())).toContain(`${'['.repeat(90)}]`)
    expect((await readYaml(`a: ${'b'.repeat(64 * 1024 - 3)}`))?.toJS()).toEqual({ a: 'b'.repeat(65_533) })
  })
  it('with a mistake in every word is read at once', async () => {
    const cpu = process.cpuUsage()
    expect((await readYaml('[]'.repeat(32_000)))?.errors.length).toBeGreaterThan(1000)
    expect(process.cpuUsage(cpu).user).toBeLessThan(5_000_000)
  })
})

describe('CONNECT', () => {
  it.each([
    ['ends in bare line feeds', 'CONNECT a:1 HTTP/1.1\r\nHost: a\n\n'],
    ['ends in CRLF and a bare line feed', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\n'],
  ])('a head that %s is refused', (_, head) => {
    expect(parseConnect(latin1(head))?.value).toMatchObject({ status: 400 })
  })
  it('a method of any length is not repeated', () => {
    const found = parseConnect(latin1(`${'M'.repeat(9000)} a:1 HTTP/1.1\r\n\r\n`))
    expect(JSON.stringify(found).length).toBeLessThan(200)
  })
})

it('a SOCKS5 address of unknown type is refused whatever follows', () => {
  const glued = new Uint8Array(20_000)
  glued.set([5, 1, 0, 9])
  expect(parseRequest(glued)).toMatchObject({ value: { refused: 8 }, used: 5 })
})

describe('keys', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const encrypted = (rounds: string): Uint8Array => {
    const der = Buffer.from(
      privateKey.export({ type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: 'secret' }),
    )
    // OpenSSL writes 2048 rounds: two octets, which can count to 32 767.
    const at = der.indexOf(Buffer.from('02020800', 'hex'))
    expect(at).toBeGreaterThan(0)
    der.set(Buffer.from(rounds, 'hex'), at)
    return new Uint8Array(der)
  }
  const load = async (key: string | Uint8Array) => {
    const { certificate } = await (await createAuthority()).issue({ names: ['a'] })
    return loadIdentity({ certificate, privateKey: key, passphrase: 'secret' }, nodeCrypto)
  }

  it('with other rounds than they were encrypted with do not open', async () => {
    await expect(load(encrypted('02020801'))).rejects.toMatchObject({ code: 'ERR_CONFIG_PASSPHRASE' })
  })
  it('that only look encrypted are named', async () => {
    const broken = encrypted('02020800')
    // The salt's length runs past everything.
    broken[Buffer.from(broken).indexOf(Buffer.from('02020800', 'hex')) - 9] = 0x7f
    await expect(load(broken)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_CONFIG_(IDENTITY|PASSPHRASE)$/),
    })
  })
  it.each([
    ['AES-128-CBC', '0011223344556677', 'ERR_CONFIG_IDENTITY'],
    ['AES-256-CBC', '00112233445566778899AABBCCDDEEFF00', 'ERR_CONFIG_IDENTITY'],
    ['AES-256-CBC', '', 'ERR_CONFIG_IDENTITY'],
    ['DES-EDE3-CBC', '00112233445566778899AABBCCDDEEFF', 'ERR_CONFIG_IDENTITY'],
    ['DES-EDE3-CBC', '0011223344556677', 'ERR_CONFIG_PASSPHRASE'],
    ['AES-128-CBC', '00112233445566778899aabbccddeeff', 'ERR_CONFIG_PASSPHRASE'],
  ])('of %s with the initialization vector "%s" fail by name', async (cipher, iv, code) => {
    const key = [
      '-----BEGIN EC PRIVATE KEY-----',
      'Proc-Type: 4,ENCRYPTED',
      `DEK-Info: ${cipher},${iv}`,
      '',
      'AAAAAAAAAAAAAAAAAAAAAA==',
      '-----END EC PRIVATE KEY-----',
      '',
    ].join('\n')
    await expect(load(key)).rejects.toMatchObject({ code })
  })
  it('of an unknown algorithm say which; key bytes in its place are not quoted', async () => {
    const hexLength = (bytes: number) => bytes.toString(16).padStart(2, '0')
    const pkcs8 = (oid: string) => {
      const algorithm = `30${hexLength(oid.length / 2 + 2)}06${hexLength(oid.length / 2)}${oid}`
      const content = `020100${algorithm}0401ff`
      return new Uint8Array(Buffer.from(`30${hexLength(content.length / 2)}${content}`, 'hex'))
    }
    await expect(load(pkcs8('2a0304'))).rejects.toMatchObject({
      code: 'ERR_CONFIG_IDENTITY',
      message: expect.stringContaining('(1.2.3.4)'),
    })
    await expect(load(pkcs8(`2b${'ff'.repeat(18)}7f`))).rejects.toMatchObject({
      code: 'ERR_CONFIG_IDENTITY',
      message: expect.not.stringMatching(/\d{10}/),
    })
  })
  it('have no label longer than any there is', () => {
    const pem = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))
      .export({ type: 'pkcs8', format: 'pem' })
      .toString()
    expect(parsePem(pem)).toHaveLength(1)
    expect(parsePem(pem.replaceAll('PRIVATE KEY', `${'A'.repeat(40)} PRIVATE KEY`))).toHaveLength(0)
  })
})

it('an authorityKeyIdentifier with its key identifier twice is malformed', async () => {
  const authority = await createAuthority()
  const { der } = await authority.issue({ names: ['a'] })
  const bytes = Buffer.from(der)
  // keyIdentifier [0] of 20 octets becomes one of 8 and another of 10: the lengths around them stay.
  const at = bytes.indexOf(Buffer.from('30168014', 'hex')) + 2
  expect(at).toBeGreaterThan(2)
  bytes[at + 1] = 8
  bytes.set([0x80, 10], at + 10)
  expect(() => parseCertificate(bytes)).toThrow(expect.objectContaining({ code: 'ERR_CERT_ENCODING' }))
})
