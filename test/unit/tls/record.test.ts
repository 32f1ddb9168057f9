// Records, messages and sequence numbers, apart from any handshake. RFC 8446 §5.
import { describe, expect, it } from 'vitest'
import { concat, fromHex, hex } from '../../../src/bytes/index.js'
import type { Aead, CipherSuite } from '../../../src/crypto/provider.js'
import { webcrypto } from '../../../src/crypto/webcrypto.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { HandshakeDeframer } from '../../../src/tls/deframe.js'
import { Opener, Sealer } from '../../../src/tls/protection.js'
import { RecordReader } from '../../../src/tls/record.js'

const suite = nodeCrypto.suites[0]!
const secret = new Uint8Array(suite.hash.length).fill(3)

/** A suite that shows the nonces it is given. */
function spied(): { suite: CipherSuite; nonces: string[] } {
  const nonces: string[] = []
  const aead: Aead = {
    ...suite.aead,
    importKey: () => ({
      seal(nonce, _aad, plaintext) {
        nonces.push(hex(nonce))
        return concat(plaintext, new Uint8Array(16))
      },
      open(nonce, _aad, ciphertext) {
        nonces.push(hex(nonce))
        return new Uint8Array(ciphertext.subarray(0, -16))
      },
    }),
  }
  return { suite: { ...suite, aead }, nonces }
}

describe('RecordReader', () => {
  const records = concat(fromHex('1603010003010203'), fromHex('1703030000'), fromHex('15030300020228'))

  it.each([1, 2, 3, 5, 8, 100])('finds records in chunks of %d bytes', (size) => {
    for (const reuse of [false, true]) {
      const reader = new RecordReader()
      const found: string[] = []
      for (let at = 0; at < records.length; at += size) {
        reader.push(records.slice(at, at + size))
        reader.reuse = reuse
        for (let record = reader.next(2 ** 14); record; record = reader.next(2 ** 14))
          found.push(`${record.type} ${hex(record.header)} ${hex(record.fragment)}`)
      }
      expect(found).toEqual(['22 1603010003 010203', '23 1703030000 ', '21 1503030002 0228'])
    }
  })

  it('does not touch a record that is still in use', () => {
    const reader = new RecordReader()
    reader.reuse = true
    reader.push(fromHex('17030300'))
    reader.push(fromHex('02aabb17030300'))
    const first = reader.next(2 ** 14)!
    reader.reuse = false
    reader.push(fromHex('02ccdd'))
    expect(hex(reader.next(2 ** 14)!.fragment)).toBe('ccdd')
    expect(hex(first.fragment)).toBe('aabb')
  })

  it('judges a header as soon as it is there', () => {
    const reader = new RecordReader()
    reader.push(fromHex('1603034001'))
    expect(() => reader.next(2 ** 14)).toThrowError(
      expect.objectContaining({ code: 'ERR_TLS_RECORD_OVERFLOW' }),
    )
  })
})

describe('HandshakeDeframer', () => {
  it('finds messages across fragments', () => {
    const deframer = new HandshakeDeframer(100)
    const found: string[] = []
    for (const byte of fromHex('0100000101020000000300000401020304')) {
      deframer.push(new Uint8Array([byte]))
      for (let m = deframer.next(); m; m = deframer.next()) found.push(`${m.type} ${hex(m.bytes)}`)
    }
    expect(found).toEqual(['1 0100000101', '2 02000000', '3 0300000401020304'])
    expect(deframer.waiting).toBe(0)
  })

  it('refuses a message beyond its bound before it comes', () => {
    const deframer = new HandshakeDeframer(100)
    deframer.push(fromHex('01000060'))
    expect(deframer.next()).toBeUndefined()
    const larger = new HandshakeDeframer(100)
    larger.push(fromHex('01000061'))
    expect(() => larger.next()).toThrowError(expect.objectContaining({ code: 'ERR_TLS_LIMIT' }))
  })
})

describe('protection', () => {
  it('gives each record under way a nonce of its own, also when a provider changes its mind', async () => {
    const seen: Uint8Array[] = []
    const answers: (() => void)[] = []
    let late = false
    const seal = (nonce: Uint8Array, plaintext: Uint8Array) => {
      const sealed = concat(plaintext, new Uint8Array(16))
      if (!late) return sealed
      seen.push(nonce)
      return new Promise<typeof sealed>((resolve) => answers.push(() => resolve(sealed)))
    }
    const aead: Aead = {
      ...suite.aead,
      importKey: () => ({
        seal: (nonce, _aad, plaintext) => seal(nonce, plaintext),
        open: (_, __, c) => c.slice(),
      }),
    }
    const sealer = new Sealer({ ...suite, aead }, secret)
    const out = () => new Uint8Array(1 + sealer.overhead)
    const content = new Uint8Array(1)
    sealer.seal(23, content, out(), 0)
    late = true
    const under = [sealer.seal(23, content, out(), 0), sealer.seal(23, content, out(), 0)]
    late = false
    sealer.seal(23, content, out(), 0)
    const [first, second] = seen.map((nonce) => nonce.at(-1)!)
    expect(first! ^ second!).toBe(1 ^ 2)
    for (const answer of answers) answer()
    await Promise.all(under)
  })

  it('counts nonces in two words, low word first', () => {
    const { suite, nonces } = spied()
    const sealer = new Sealer(suite, secret)
    const out = new Uint8Array(22)
    for (let i = 0; i < 258; i++) sealer.seal(23, new Uint8Array(0), out, 0)
    const iv = BigInt(`0x${nonces[0]}`)
    expect(nonces.map((nonce) => BigInt(`0x${nonce}`) ^ iv)).toEqual(
      Array.from({ length: 258 }, (_, i) => BigInt(i)),
    )
  })

  it('takes sequence numbers at the call, whenever the provider answers', async () => {
    const { suite: spy, nonces } = spied()
    const later: CipherSuite = {
      ...spy,
      aead: { ...spy.aead, importKey: (key) => Promise.resolve(spy.aead.importKey(key)) },
    }
    const opener = new Opener(later, secret)
    const record = {
      type: 23,
      header: fromHex('1703030012'),
      fragment: concat(fromHex('6117'), new Uint8Array(16)),
    }
    const opened = [opener.open(record), opener.open(record)]
    expect(opener.count).toBe(2)
    expect(await Promise.all(opened)).toEqual([1, 2].map(() => ({ type: 23, content: fromHex('61') })))
    expect(new Set(nonces).size).toBe(2)
  })

  it.each([
    ['webcrypto, which reads at once', true],
    ['a provider that may read late', false],
  ])('seals several records at the same time with %s', async (_, atOnce) => {
    const engine = webcrypto(globalThis.crypto).suites.find(({ name }) => name === suite.name)!
    const late: Aead = {
      ...engine.aead,
      async importKey(raw) {
        const { seal, open } = await engine.aead.importKey(raw)
        return { open, seal: async (...given) => Promise.resolve().then(() => seal(...given)) }
      },
    }
    const sealer = new Sealer(atOnce ? engine : { ...engine, aead: late }, secret)
    const reader = new RecordReader()
    // The first few while the key is being imported, the others with it.
    for (const values of [[1, 2], [3], [4, 5, 6]]) {
      const outs = values.map((value) => new Uint8Array(2000 * value + sealer.overhead))
      await Promise.all(
        values.map((value, i) => sealer.seal(23, new Uint8Array(2000 * value).fill(value), outs[i]!, 0)),
      )
      for (const out of outs) reader.push(out)
    }
    const opener = new Opener(suite, secret)
    for (const value of [1, 2, 3, 4, 5, 6])
      expect(opener.open(reader.next(2 ** 14 + 256)!)).toEqual({
        type: 23,
        content: new Uint8Array(2000 * value).fill(value),
      })
  })

  it('refuses to seal past the limit of the key', () => {
    const sealer = new Sealer({ ...suite, aead: { ...suite.aead, recordLimit: 2 } }, secret)
    const out = new Uint8Array(22)
    sealer.seal(23, new Uint8Array(0), out, 0)
    sealer.seal(23, new Uint8Array(0), out, 0)
    expect(() => sealer.seal(23, new Uint8Array(0), out, 0)).toThrowError(
      expect.objectContaining({ code: 'ERR_TLS_KEY_LIMIT' }),
    )
  })

  it.each([0, 1, 16_384])('opens what it sealed, %d bytes', (length) => {
    const content = new Uint8Array(length).fill(5)
    const out = new Uint8Array(length + 22)
    expect(new Sealer(suite, secret).seal(23, content, out, 0)).toBeUndefined()
    const reader = new RecordReader()
    reader.push(out)
    const opened = new Opener(suite, secret).open(reader.next(2 ** 14 + 256)!)
    expect(opened).toMatchObject({ type: 23 })
    expect((opened as { content: Uint8Array }).content).toHaveLength(length)
  })
})
