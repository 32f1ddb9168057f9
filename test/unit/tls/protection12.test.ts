// Record protection of TLS 1.2, against node:crypto: nonces, additional data, lengths. RFC 5246 §6.2.3.3, RFC 5288, RFC 7905.
import { createCipheriv } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Bytes, concat, fromHex, hex, latin1 } from '../../../src/bytes/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { Opener12, Sealer12 } from '../../../src/tls/protection12.js'
import { cipherSuites12 } from '../../../src/tls/registry12.js'
import { recordKeys, verifyData } from '../../../src/tls/schedule12.js'

const randoms = { client: new Uint8Array(32).fill(1), server: new Uint8Array(32).fill(2) }
const master = new Uint8Array(48).fill(3)

function sealed(sealer: Sealer12, content: Uint8Array): Bytes {
  const out = new Uint8Array(content.length + sealer.overhead)
  expect(sealer.seal(23, content, out, 0)).toBeUndefined()
  return out
}

describe('record protection of TLS 1.2', () => {
  it.each(cipherSuites12(nodeCrypto).map((suite) => ({ suite, name: suite.name })))(
    'is what $name says',
    async ({ suite }) => {
      const { client } = recordKeys(suite, master, randoms)
      const sealer = new Sealer12(suite, client)
      const opener = new Opener12(suite, client)
      const chacha = suite.aead.name === 'CHACHA20-POLY1305'
      expect(sealer.overhead).toBe(chacha ? 21 : 29)
      for (let sequence = 0; sequence < 300; sequence++) {
        const content = latin1(`record ${sequence}`)
        const record = sealed(sealer, content)
        const number = new Uint8Array(8)
        number.set([sequence >> 8, sequence & 255], 6)
        const nonce = chacha
          ? client.iv.map((byte, i) => byte ^ (i < 4 ? 0 : number[i - 4]!))
          : concat(client.iv.subarray(0, 4), number)
        const aad = concat(number, fromHex('170303'), new Uint8Array([0, content.length]))
        const cipher = createCipheriv(suite.aead.name.toLowerCase() as 'aes-128-gcm', client.key, nonce, {
          authTagLength: 16,
        })
        cipher.setAAD(aad, { plaintextLength: content.length })
        const expected = concat(
          ...(chacha ? [] : [number]),
          cipher.update(content),
          cipher.final(),
          cipher.getAuthTag(),
        )
        expect(hex(record.subarray(0, 5))).toBe(`170303${expected.length.toString(16).padStart(4, '0')}`)
        expect(hex(record.subarray(5))).toBe(hex(expected))
        const opened = await opener.open({
          type: 23,
          header: record.subarray(0, 5),
          fragment: record.subarray(5),
        })
        expect(opened).toEqual({ type: 23, content })
      }
    },
  )

  it('takes the nonce of the record with AES-GCM, whatever it is', async () => {
    const [suite] = cipherSuites12(nodeCrypto)
    const { server } = recordKeys(suite!, master, randoms)
    const nonce = fromHex('ffeeddccbbaa9988')
    const cipher = createCipheriv('aes-128-gcm', server.key, concat(server.iv.subarray(0, 4), nonce))
    cipher.setAAD(fromHex('00000000000000001703030004'))
    const fragment = concat(nonce, cipher.update('data'), cipher.final(), cipher.getAuthTag())
    const header = fromHex('170303001c')
    expect(await new Opener12(suite!, server).open({ type: 23, header, fragment })).toEqual({
      type: 23,
      content: latin1('data'),
    })
  })

  it('has keys of its own for each direction', () => {
    for (const suite of cipherSuites12(nodeCrypto)) {
      const { client, server } = recordKeys(suite, master, randoms)
      expect(client.key).toHaveLength(suite.aead.keyLength)
      expect(hex(client.key)).not.toBe(hex(server.key))
      expect(hex(client.iv)).not.toBe(hex(server.iv))
    }
  })

  it('tells the Finished of one side from that of the other', () => {
    const hash = nodeCrypto.hashes['SHA-256']
    const client = verifyData(hash, master, 'client', new Uint8Array(32))
    expect(client).toHaveLength(12)
    expect(hex(client)).not.toBe(hex(verifyData(hash, master, 'server', new Uint8Array(32))))
  })
})
