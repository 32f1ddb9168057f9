// What is beside the handshake's main line: record size limits (RFC 8449), GREASE (RFC 8701), key updates on demand
// (RFC 8446 §4.6.3), channel bindings (RFC 5929, RFC 9266), a hybrid key exchange, and an application that refuses.
import { beforeAll, describe, expect, it } from 'vitest'
import { concat, equal, hex, latin1 } from '../../../src/bytes/index.js'
import { mlKemLengths, x25519MlKem768 } from '../../../src/crypto/mlkem.js'
import { webcrypto } from '../../../src/crypto/webcrypto.js'
import { dangerously } from '../../../src/pki/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { type TlsClientOptions, tlsClient } from '../../../src/tls/index.js'
import { configure } from '../../../src/tls/options.js'
import { contentType, extensionType } from '../../../src/tls/registry.js'
import { converse } from '../../support/tls-server/converse.js'
import { createWorld, ScriptedServer, serverName, type World } from '../../support/tls-server/index.js'

let world: World
beforeAll(async () => {
  world = await createWorld(nodeCrypto)
})

const limit = (bytes: number) =>
  [[extensionType.record_size_limit, new Uint8Array([bytes >> 8, bytes])]] as const
const applicationLengths = ({ records }: ScriptedServer) =>
  records.filter(({ type }) => type === 'application_data').map(({ length }) => length)

describe('record_size_limit', () => {
  it('is offered, with the protocol’s own limit or the one configured', async () => {
    expect((await world.meet()).server.hellos[0]!.recordSizeLimit).toBe(16_385)
    expect((await world.meet({}, { recordSizeLimit: 64 })).server.hellos[0]!.recordSizeLimit).toBe(64)
  })

  it.each([
    ['a synchronous provider', nodeCrypto],
    ['WebCrypto', webcrypto(globalThis.crypto)],
  ])('of the server is obeyed, with %s', async (_, crypto) => {
    const identity = await world.client()
    const script = { encryptedExtensions: limit(64), request: {} }
    const meeting = await world.meet(script, { crypto, identity })
    expect(meeting.error).toBeUndefined()
    await meeting.send(new Uint8Array(1000).fill(7))
    await meeting.settle()
    expect(meeting.server.read()).toHaveLength(1000)
    expect(applicationLengths(meeting.server)).toEqual([...new Array(15).fill(63), 1000 - 15 * 63])
    // Certificate and its like are records as others are; what came before the answer is not bound by it.
    const handshake = meeting.server.records.filter(({ type }) => type === 'handshake').slice(1)
    expect(Math.max(...handshake.map(({ length }) => length))).toBe(63)
  })

  it('of ours binds a server that knows it, padding included', async () => {
    const script = { encryptedExtensions: limit(16_385), fragment: 63 }
    const meeting = await world.meet(script, { recordSizeLimit: 64 })
    expect(meeting.error).toBeUndefined()
    meeting.server.record(contentType.application_data, new Uint8Array(63))
    meeting.server.record(contentType.application_data, new Uint8Array(1), 62)
    await meeting.settle()
    expect(meeting.read()).toHaveLength(64)
    meeting.server.record(contentType.application_data, new Uint8Array(64))
    await meeting.settle()
    expect(meeting.error?.code).toBe('ERR_TLS_RECORD_OVERFLOW')
    expect(meeting.server.alerts).toMatchObject([{ name: 'record_overflow' }])
  })

  it.each([
    ['a synchronous provider', nodeCrypto],
    ['WebCrypto', webcrypto(globalThis.crypto)],
  ])('of ours binds the rest of the flight that answers it, with %s', async (_, crypto) => {
    const script = { encryptedExtensions: limit(16_385) }
    const { error, server } = await world.meet(script, { crypto, recordSizeLimit: 64 })
    expect(error?.code).toBe('ERR_TLS_RECORD_OVERFLOW')
    expect(server.alerts).toMatchObject([{ name: 'record_overflow' }])
  })

  it('of ours does not bind a server that does not', async () => {
    const meeting = await world.meet({}, { recordSizeLimit: 64 })
    meeting.server.send(new Uint8Array(1000))
    await meeting.settle()
    expect(meeting.read()).toHaveLength(1000)
  })

  it.each([0, 63, 16_386, 65_535])('of %d is refused', async (bytes) => {
    const { error, server } = await world.meet({ encryptedExtensions: limit(bytes) })
    expect(error?.code).toBe('ERR_TLS_ILLEGAL_PARAMETER')
    expect(server.alerts).toMatchObject([{ name: 'illegal_parameter' }])
  })

  it.each([63, 16_386, 100.5])('of %d cannot be configured', (recordSizeLimit) => {
    const trust = dangerously.anyCertificate('a test')
    expect(() => tlsClient({ crypto: nodeCrypto, now: () => 0, trust, recordSizeLimit })).toThrowError(
      expect.objectContaining({ code: 'ERR_TLS_CONFIG' }),
    )
  })
})

describe('GREASE', () => {
  const meaningless = (value: number) => (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff)

  it('puts values of no meaning into every list, with a share for the group', async () => {
    const { server, error } = await world.meet({}, { grease: true })
    expect(error).toBeUndefined()
    const [hello] = server.hellos
    expect(hello!.suites.filter(meaningless)).toHaveLength(1)
    expect(hello!.groups.filter(meaningless)).toHaveLength(1)
    expect(hello!.versions.filter(meaningless)).toHaveLength(1)
    const [share] = hello!.keyShares
    expect(share).toEqual({ group: hello!.groups[0], key: new Uint8Array(1) })
    const types = extensionTypes(server.seen[0]!.bytes)
    expect(types.filter(meaningless)).toHaveLength(2)
    expect(new Set(types).size).toBe(types.length)
    expect([types[0], types.at(-1)].every((type) => meaningless(type!))).toBe(true)
  })

  it('chooses two extensions that differ, whatever the random numbers', async () => {
    for (let byte = 0; byte < 16; byte++) {
      const crypto = { ...nodeCrypto, random: (length: number) => new Uint8Array(length).fill(byte) }
      const { server } = await world.meet({}, { grease: true, crypto })
      const types = extensionTypes(server.seen[0]!.bytes).filter(meaningless)
      expect(types).toHaveLength(2)
      expect(types[0]).not.toBe(types[1])
    }
  })

  it('leaves its share out of a second hello that wants another, and is the same otherwise', async () => {
    const { server, info } = await world.meet({ retry: { group: 0x17 } }, { grease: true })
    expect(info?.group).toBe('secp256r1')
    const [one, two] = server.hellos
    expect(two!.keyShares.map(({ group }) => group)).toEqual([0x17])
    expect(two!.groups).toEqual(one!.groups)
    expect(extensionTypes(server.seen[1]!.bytes)).toEqual(extensionTypes(server.seen[0]!.bytes))
  })

  it('keeps its share when only a cookie is asked for', async () => {
    const { server, error } = await world.meet({ retry: { cookie: latin1('c') } }, { grease: true })
    expect(error).toBeUndefined()
    expect(server.hellos[1]!.keyShares).toEqual(server.hellos[0]!.keyShares)
  })

  it.each([
    ['a suite', 'suite'],
    ['a version', 'version'],
  ] as const)('is never agreed to as %s', async (_, field) => {
    const crypto = { ...nodeCrypto, random: (length: number) => new Uint8Array(length) }
    const serverHello = <T extends object>(fields: T) => ({ ...fields, [field]: 0x0a0a })
    const { error, server } = await world.meet({ serverHello }, { grease: true, crypto })
    expect(error?.code).toBe('ERR_TLS_ILLEGAL_PARAMETER')
    expect(server.alerts).toMatchObject([{ name: 'illegal_parameter' }])
  })

  it('is off by default', async () => {
    const { server } = await world.meet()
    expect(extensionTypes(server.seen[0]!.bytes).filter(meaningless)).toEqual([])
  })
})

describe('updateKeys', () => {
  async function opened() {
    const { chain, signer } = await world.server()
    const server = new ScriptedServer({ crypto: nodeCrypto, chain, signer })
    const trust = world.authority.certificate
    const layer = tlsClient({ crypto: nodeCrypto, now: Date.now, serverName, trust })
    return { layer, server, conversation: await converse(layer, server) }
  }
  const updates = ({ seen }: ScriptedServer) => seen.filter(({ name }) => name === 'key_update')

  it('changes our keys at once, and asks for the peer’s if told', async () => {
    const { layer, server, conversation } = await opened()
    await layer.updateKeys()
    await layer.updateKeys('update_requested')
    await conversation.settle()
    expect(updates(server).map(({ bytes }) => bytes[4])).toEqual([0, 1])
    await conversation.send(latin1('under the third key'))
    await conversation.settle()
    expect(server.read()).toEqual(latin1('under the third key'))
  })

  it('is for an open connection', async () => {
    const { layer, conversation } = await opened()
    await conversation.end()
    expect(() => layer.updateKeys()).toThrowError(expect.objectContaining({ code: 'ERR_STREAM_CLOSED' }))
  })

  it('answers many requests once, before the next data', async () => {
    const { server, conversation } = await opened()
    for (let i = 0; i < 5; i++) server.keyUpdate('update_requested')
    await conversation.settle()
    expect(updates(server)).toHaveLength(0)
    for (let i = 0; i < 2; i++) await conversation.send(latin1('data'))
    await conversation.settle()
    expect(updates(server).map(({ bytes }) => bytes[4])).toEqual([0])
    expect(server.read()).toEqual(latin1('datadata'))
  })

  it('pays what it owes before close_notify', async () => {
    const { server, conversation } = await opened()
    server.keyUpdate('update_requested')
    await conversation.settle()
    await conversation.end()
    await conversation.settle()
    expect(updates(server).map(({ bytes }) => bytes[4])).toEqual([0])
    expect(server.alerts).toEqual([{ name: 'close_notify', level: 1, encrypted: true }])
  })
})

describe('a channel binding', () => {
  it('tls-exporter is the exporter’s', async () => {
    const { info } = await world.meet()
    const binding = info!.channelBinding('tls-exporter')!
    expect(binding).toHaveLength(32)
    expect(hex(binding)).toBe(
      hex(info!.exportKeyingMaterial('EXPORTER-Channel-Binding', new Uint8Array(0), 32)),
    )
  })

  it('tls-server-end-point is the hash of the certificate, by the hash of its signature', async () => {
    const { info } = await world.meet()
    const { der, signed } = info!.peer.leaf
    expect(signed.algorithm).toMatchObject({ kind: 'ecdsa', hash: 'SHA-256' })
    expect(hex(info!.channelBinding('tls-server-end-point')!)).toBe(
      hex(nodeCrypto.hashes['SHA-256'].digest(der)),
    )
  })

  it.each([
    ['ecdsa-p384', 'SHA-384'],
    ['rsa-2048', 'SHA-256'],
    ['ed25519', undefined],
  ] as const)('tls-server-end-point under an authority with an %s key takes %s', async (key, hash) => {
    const { createAuthority } = await import('../../support/certificates.js')
    const { loadIdentity } = await import('../../../src/pki/index.js')
    const authority = await createAuthority({ key })
    const { chain, privateKey } = await authority.issue({ names: [serverName] })
    const script = await loadIdentity({ certificate: chain, privateKey }, nodeCrypto)
    const { info } = await world.meet(script, { trust: authority.certificate })
    const binding = info!.channelBinding('tls-server-end-point')
    const { der } = info!.peer.leaf
    expect(binding && hex(binding)).toBe(hash && hex(nodeCrypto.hashes[hash].digest(der)))
  })
})

describe('X25519MLKEM768', () => {
  const x25519 = nodeCrypto.groups.find(({ name }) => name === 'X25519')!
  // A stand-in of the right lengths: the composition is ours, the KEM an engine's.
  const kem = () => ({
    publicKey: new Uint8Array(mlKemLengths[768].publicKey).fill(3),
    decapsulate: (ciphertext: Uint8Array) => nodeCrypto.hashes['SHA-256'].digest(ciphertext),
  })
  const crypto = {
    ...nodeCrypto,
    groups: [
      x25519MlKem768(kem, x25519),
      ...nodeCrypto.groups.filter(({ name }) => name !== 'X25519MLKEM768'),
    ],
  }
  const shares = (options: Partial<TlsClientOptions>) =>
    configure({
      crypto,
      now: () => 0,
      trust: dangerously.anyCertificate('a test'),
      ...options,
    }).shareGroups.map(({ name }) => name)

  it('is shared beside X25519, so that no server needs a retry', () => {
    expect(shares({})).toEqual(['X25519MLKEM768', 'X25519'])
    expect(shares({ keyShares: ['X25519'] })).toEqual(['X25519'])
    expect(shares({ crypto: { ...crypto, groups: crypto.groups.slice(0, 1) } })).toEqual(['X25519MLKEM768'])
    expect(shares({ crypto: { ...crypto, groups: crypto.groups.slice(1) } })).toEqual(['X25519'])
  })

  it('carries a handshake: ML-KEM first in shares and in the secret', async () => {
    const classical = await x25519.generate()
    const ciphertext = new Uint8Array(mlKemLengths[768].ciphertext).fill(5)
    const meeting = await world.meet(
      {
        crypto,
        encapsulate: {
          4588(peer) {
            expect(peer).toHaveLength(1216)
            expect(equal(peer.subarray(0, 1184), kem().publicKey)).toBe(true)
            const ecdh = classical.derive(peer.subarray(1184)) as Uint8Array
            return {
              publicKey: concat(ciphertext, classical.publicKey),
              secret: concat(kem().decapsulate(ciphertext), ecdh),
            }
          },
        },
      },
      { crypto },
    )
    expect(meeting.error).toBeUndefined()
    expect(meeting.info?.group).toBe('X25519MLKEM768')
  })

  it('refuses an X25519 half of small order, and a ciphertext that its engine refuses', async () => {
    const peer = concat(new Uint8Array(1088), new Uint8Array(32))
    const share = await x25519MlKem768(kem, x25519).generate()
    await expect(async () => share.derive(peer)).rejects.toMatchObject({ code: 'ERR_TLS_KEY_SHARE' })
    const refusing = () => ({
      ...kem(),
      decapsulate() {
        throw new Error('no')
      },
    })
    const other = await x25519MlKem768(refusing, x25519).generate()
    await expect(async () => other.derive(peer.fill(9))).rejects.toMatchObject({ code: 'ERR_TLS_KEY_SHARE' })
  })
})

describe('an application', () => {
  it('that refuses the certificate is told as such', async () => {
    const meeting = await world.meet(
      {},
      {
        expect() {
          throw new Error('not this one')
        },
      },
    )
    expect(meeting.error).toMatchObject({ code: 'ERR_CERT_REFUSED', cause: { message: 'not this one' } })
    expect(meeting.server.alerts).toMatchObject([{ name: 'certificate_unknown' }])
  })

  it('is never asked for its certificate after the handshake', async () => {
    const meeting = await world.meet({}, { identity: await world.client() })
    // RFC 8446 §4.6.2: post_handshake_auth was not offered.
    meeting.server.record(contentType.handshake, new Uint8Array([13, 0, 0, 3, 0, 0, 0]))
    await meeting.settle()
    expect(meeting.error?.code).toBe('ERR_TLS_RENEGOTIATION')
    expect(meeting.server.alerts).toMatchObject([{ name: 'unexpected_message', encrypted: true }])
    expect(extensionTypes(meeting.server.seen[0]!.bytes)).not.toContain(49)
  })
})

/** Types of a ClientHello's extensions in their order. */
function extensionTypes(hello: Uint8Array): number[] {
  const view = new DataView(hello.buffer, hello.byteOffset, hello.length)
  let at = 4 + 2 + 32
  at += 1 + hello[at]!
  at += 2 + view.getUint16(at)
  at += 1 + hello[at]! + 2
  const types: number[] = []
  for (; at < hello.length; at += 4 + view.getUint16(at + 2)) types.push(view.getUint16(at))
  return types
}
