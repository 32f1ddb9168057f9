// RFC 8448 section 3, "Simple 1-RTT Handshake", byte for byte: messages, every secret, every record; and of section 4,
// "Resumed 0-RTT Handshake", what resumption is made of: the pre-shared key, its secrets, the binder.
import { createPrivateKey } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Bytes, concat, fromHex, hex, latin1 } from '../../src/bytes/index.js'
import { deriveSecret } from '../../src/crypto/hkdf.js'
import type { Group } from '../../src/crypto/provider.js'
import type { Layer } from '../../src/layer.js'
import { dangerously } from '../../src/pki/index.js'
import { nodeCrypto, x25519Share } from '../../src/platform/node/crypto.js'
import { handshake } from '../../src/tls/handshake.js'
import type { Offer } from '../../src/tls/hello.js'
import type { TlsInfo } from '../../src/tls/index.js'
import { TlsClient } from '../../src/tls/layer.js'
import { readCertificate, writeCertificate } from '../../src/tls/messages/certificate.js'
import { readCertificateVerify, writeCertificateVerify } from '../../src/tls/messages/certificate-verify.js'
import { readClientHello } from '../../src/tls/messages/client-hello.js'
import { readEncryptedExtensions } from '../../src/tls/messages/encrypted-extensions.js'
import { readFinished, writeFinished } from '../../src/tls/messages/finished.js'
import { readNewSessionTicket, writeNewSessionTicket } from '../../src/tls/messages/new-session-ticket.js'
import { readServerHello, retryRandom, writeServerHello } from '../../src/tls/messages/server-hello.js'
import { configure } from '../../src/tls/options.js'
import { Opener, Sealer } from '../../src/tls/protection.js'
import { type Recalled, recall } from '../../src/tls/recall.js'
import { RecordReader } from '../../src/tls/record.js'
import { bind } from '../../src/tls/resumption.js'
import * as schedule from '../../src/tls/schedule.js'
import type { Session } from '../../src/tls/session.js'
import { messageHash, Transcript } from '../../src/tls/transcript.js'
import { createWorld, type World } from '../support/tls-server/index.js'

// The vectors of section 3 lie beside the checkout, not in it.
const file = new URL('../../../shared/conformance/rfc8448-s3.json', import.meta.url)
const present = existsSync(file)
if (!present) console.warn(`RFC 8448 is SKIPPED: no vectors at ${file.pathname}`)

type Name =
  | `${'client' | 'server'}_x25519_${'private' | 'public'}`
  | 'ClientHello'
  | 'ServerHello'
  | 'EncryptedExtensions'
  | 'Certificate'
  | 'CertificateVerify'
  | 'ServerFinished'
  | 'ClientFinished'
  | 'NewSessionTicket'
  | `${'early' | 'shared' | 'handshake' | 'master' | 'exporter_master'}_secret`
  | `${'client' | 'server'}_handshake_${'traffic_secret' | 'key' | 'iv'}`
  | `${'client' | 'server'}_application_traffic_secret_0`
  | `server_application_${'key' | 'iv'}`
  | `${'server_flight' | 'client_finished' | 'new_session_ticket'}_record`

const vectors = (present ? JSON.parse(readFileSync(file, 'utf8')) : {}) as Readonly<
  Record<Name | 'cipher', string>
>

const bytes = (name: Name): Bytes => fromHex(vectors[name])
const message = (name: Name) => ({ type: bytes(name)[0]!, bytes: bytes(name) })
const suite = nodeCrypto.suites.find(({ name }) => name === 'TLS_AES_128_GCM_SHA256')!
const { hash } = suite

/** The transcript hash after these messages. */
function transcript(...names: Name[]): Bytes {
  const [first, ...rest] = names
  const running = new Transcript(hash, message(first!))
  for (const name of rest) running.add(message(name))
  return running.digest()
}

const untilFinished: Name[] = [
  'ClientHello',
  'ServerHello',
  'EncryptedExtensions',
  'Certificate',
  'CertificateVerify',
]

/** A record holding `content`, protected with a fresh key from `secret`. */
function sealed(secret: Name, type: number, content: Uint8Array): string {
  const out = new Uint8Array(content.length + 22)
  expect(new Sealer(suite, bytes(secret)).seal(type, content, out, 0)).toBeUndefined()
  return hex(out)
}

function opened(opener: Opener, record: Name): { type: number; content: string } {
  const reader = new RecordReader()
  reader.push(bytes(record))
  const { type, content } = opener.open(reader.next(2 ** 14 + 256)!) as { type: number; content: Uint8Array }
  return { type, content: hex(content) }
}

describe.skipIf(!present)('messages', () => {
  it('are written as they were read', () => {
    const serverHello = readServerHello(message('ServerHello')).value
    expect(hex(writeServerHello(serverHello).bytes)).toBe(vectors.ServerHello)
    expect(hex(serverHello.keyShare!.key)).toBe(vectors.server_x25519_public)
    expect(hex(writeCertificate(readCertificate(message('Certificate')).value.chain).bytes)).toBe(
      vectors.Certificate,
    )
    const verify = readCertificateVerify(message('CertificateVerify')).value
    expect(hex(writeCertificateVerify(verify).bytes)).toBe(vectors.CertificateVerify)
    for (const name of ['ServerFinished', 'ClientFinished'] as const)
      expect(hex(writeFinished(readFinished(message(name)).value).bytes)).toBe(vectors[name])
    const ticket = readNewSessionTicket(message('NewSessionTicket')).value
    expect(hex(writeNewSessionTicket(ticket).bytes)).toBe(vectors.NewSessionTicket)
    expect(ticket).toMatchObject({ lifetime: 30, maxEarlyData: 1024 })
  })
  it('hold what the RFC says', () => {
    const hello = readClientHello(message('ClientHello')).value
    expect(hello).toMatchObject({
      serverName: 'server',
      suites: [0x1301, 0x1303, 0x1302],
      versions: [0x0304],
      pskModes: [1],
    })
    expect(hex(hello.keyShares[0]!.key)).toBe(vectors.client_x25519_public)
    expect([...readEncryptedExtensions(message('EncryptedExtensions')).value.extensions]).toEqual([10, 28, 0])
  })
  it('are covered by their spans', () => {
    for (const { spans } of [
      readServerHello(message('ServerHello')),
      readCertificate(message('Certificate')),
    ])
      for (const { start, end } of spans) expect(start).toBeLessThan(end)
  })
})

describe.skipIf(!present)('key schedule', () => {
  const early = schedule.earlySecret(hash)
  let handshakeSecret: Bytes
  let master: Bytes
  let handshakeTraffic: schedule.TrafficSecrets
  let finished: Bytes
  let traffic: schedule.TrafficSecrets
  beforeAll(() => {
    handshakeSecret = schedule.handshakeSecret(hash, early, bytes('shared_secret'))
    master = schedule.masterSecret(hash, handshakeSecret)
    const hellos = transcript('ClientHello', 'ServerHello')
    handshakeTraffic = schedule.handshakeTraffic(hash, handshakeSecret, hellos)
    finished = transcript(...untilFinished, 'ServerFinished')
    traffic = schedule.applicationTraffic(hash, master, finished)
  })

  it('extracts', () => {
    expect(hex(early)).toBe(vectors.early_secret)
    expect(hex(handshakeSecret)).toBe(vectors.handshake_secret)
    expect(hex(master)).toBe(vectors.master_secret)
  })
  it('derives traffic secrets', () => {
    expect(hex(handshakeTraffic.client)).toBe(vectors.client_handshake_traffic_secret)
    expect(hex(handshakeTraffic.server)).toBe(vectors.server_handshake_traffic_secret)
    expect(hex(traffic.client)).toBe(vectors.client_application_traffic_secret_0)
    expect(hex(traffic.server)).toBe(vectors.server_application_traffic_secret_0)
    expect(hex(schedule.exporterMasterSecret(hash, master, finished))).toBe(vectors.exporter_master_secret)
  })
  it('derives keys', () => {
    const keys = (secret: Bytes) => Object.values(schedule.trafficKeys(suite, secret)).map(hex)
    expect(keys(handshakeTraffic.server)).toEqual([vectors.server_handshake_key, vectors.server_handshake_iv])
    expect(keys(handshakeTraffic.client)).toEqual([vectors.client_handshake_key, vectors.client_handshake_iv])
    expect(keys(traffic.server)).toEqual([vectors.server_application_key, vectors.server_application_iv])
  })
  it('makes both Finished', () => {
    const server = schedule.finishedMac(hash, handshakeTraffic.server, transcript(...untilFinished))
    const client = schedule.finishedMac(hash, handshakeTraffic.client, finished)
    expect(hex(writeFinished(server).bytes)).toBe(vectors.ServerFinished)
    expect(hex(writeFinished(client).bytes)).toBe(vectors.ClientFinished)
  })
})

describe.skipIf(!present)('records', () => {
  const flight = ['EncryptedExtensions', 'Certificate', 'CertificateVerify', 'ServerFinished'] as const
  const content = present ? concat(...flight.map(bytes)) : new Uint8Array(0)

  it('open', () => {
    const handshakeKeys = new Opener(suite, bytes('server_handshake_traffic_secret'))
    expect(opened(handshakeKeys, 'server_flight_record')).toEqual({ type: 22, content: hex(content) })
    const applicationKeys = new Opener(suite, bytes('server_application_traffic_secret_0'))
    expect(opened(applicationKeys, 'new_session_ticket_record')).toEqual({
      type: 22,
      content: vectors.NewSessionTicket,
    })
  })
  it('are sealed', () => {
    expect(sealed('server_handshake_traffic_secret', 22, content)).toBe(vectors.server_flight_record)
    expect(sealed('client_handshake_traffic_secret', 22, bytes('ClientFinished'))).toBe(
      vectors.client_finished_record,
    )
    expect(sealed('server_application_traffic_secret_0', 22, bytes('NewSessionTicket'))).toBe(
      vectors.new_session_ticket_record,
    )
  })
})

describe.skipIf(!present)('client', () => {
  it('answers the recorded flight with the recorded Finished, and logs the recorded secrets', async () => {
    const lines: string[] = []
    const sessions: Session[] = []
    const config = configure({
      crypto: nodeCrypto,
      now: () => Date.UTC(2016, 7, 1),
      // An RSA key of 1024 bits that signed itself.
      trust: dangerously.anyCertificate('the certificate of RFC 8448'),
      keylog: (line) => lines.push(line),
      session: { get: () => undefined, set: (_, session) => sessions.push(session), delete: () => false },
    })
    const layer: Layer<TlsInfo> = new TlsClient(config, async (channel) =>
      handshake(config, channel, offer(await recall(config))),
    )
    const sent: string[] = []
    let info: TlsInfo | undefined
    const sink = {
      down: (chunk: Uint8Array) => void sent.push(hex(chunk)),
      up: () => {},
      open: (opened: TlsInfo) => {
        info = opened
      },
      finish: () => {},
      eof: () => {},
      trace: () => {},
    }
    await layer.start(sink)
    const serverHello = concat(fromHex('160303005a'), bytes('ServerHello'))
    for (const chunk of [serverHello, bytes('server_flight_record'), bytes('new_session_ticket_record')])
      await layer.receive(chunk, sink)
    expect(sent).toEqual([`16030100c4${vectors.ClientHello}`, vectors.client_finished_record])
    expect(info).toMatchObject({ suite: vectors.cipher, group: 'X25519', signature: 'rsa_pss_rsae_sha256' })
    const random = vectors.ClientHello.slice(12, 12 + 64)
    expect(lines).toEqual([
      `CLIENT_HANDSHAKE_TRAFFIC_SECRET ${random} ${vectors.client_handshake_traffic_secret}`,
      `SERVER_HANDSHAKE_TRAFFIC_SECRET ${random} ${vectors.server_handshake_traffic_secret}`,
      `CLIENT_TRAFFIC_SECRET_0 ${random} ${vectors.client_application_traffic_secret_0}`,
      `SERVER_TRAFFIC_SECRET_0 ${random} ${vectors.server_application_traffic_secret_0}`,
      `EXPORTER_SECRET ${random} ${vectors.exporter_master_secret}`,
    ])
    expect(sessions).toHaveLength(1)
    expect(sessions[0]!.expiresAt).toBe(Date.UTC(2016, 7, 1) + 30_000)
  })
})

describe.skipIf(!present)('resumption (section 4)', () => {
  it('makes the pre-shared key of the ticket, its secrets and its binder', () => {
    const resumptionMaster = schedule.resumptionMasterSecret(
      hash,
      bytes('master_secret'),
      transcript(...untilFinished, 'ServerFinished', 'ClientFinished'),
    )
    expect(hex(resumptionMaster)).toBe('7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c')
    const { nonce, ticket } = readNewSessionTicket(message('NewSessionTicket')).value
    const psk = schedule.ticketPsk(hash, resumptionMaster, nonce)
    expect(hex(psk)).toBe('4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3')
    const early = schedule.earlySecret(hash, psk)
    expect(hex(early)).toBe('9b2188e9b2fc6d64d71dc329900e20bb41915000f678aa839cbb797cb7d8332c')
    const binderKey = deriveSecret(hash, early, 'res binder', hash.digest(new Uint8Array(0)))
    expect(hex(binderKey)).toBe('69fe131a3bbad5d63c64eebcc30e395b9d8107726a13d074e389dbc8a4e47256')

    // Other than section 3's: random, key share, early_data in place of session_ticket and renegotiation_info, padding.
    const hello = fromHex(
      [
        '010001fc0303',
        '1bc3ceb6bbe39cff938355b5a50adb6db21b7a6af649d7b4bc419d7876487d95',
        '000006130113031302010001cd',
        '0000000b0009000006736572766572ff01000100000a00140012001d00170018001901000101010201030104',
        '003300260024001d0020e4ffb68ac05f8d96c99da26698346c6be16482badddafe051a66b4f18d668f0b',
        '002a0000002b0003020304',
        '000d0020001e040305030603020308040805080604010501060102010402050206020202',
        '002d00020101001c0002400100150057',
        '00'.repeat(0x57),
        '002900dd00b800b2',
        hex(ticket),
        'fad6aacb',
        '002120',
        '00'.repeat(32),
      ].join(''),
    )
    expect(hex(hash.digest(hello.subarray(0, -35)))).toBe(
      '63224b2e4573f2d3454ca84b9d009a04f6be9e05711a8396473aefa01e924a14',
    )
    bind({ early: schedule.earlySecret(hash, psk), hash }, hello, new Uint8Array(0))
    expect(hex(hello.subarray(-32))).toBe('3add4fb2d8fdf822a0ca3cf7678ef5e88dae990141c5924d57bb6fa31b9e5f9d')
    // Six milliseconds old; our reader finds what the writer of the RFC's put there.
    const { psk: offered } = readClientHello({ type: 1, bytes: hello }).value
    expect(offered).toMatchObject({ obfuscatedAge: 0xfad6aac5 + 6, binderLength: 32 })
    expect(hex(offered!.identity)).toBe(hex(ticket))
  })
})

// What sections 5 to 7 show holds for any keys; the scripted server checks every Finished, and with it the transcript.
// Their own bytes are in rfc8448-more.test.ts.
describe('sections 5 to 7', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld(nodeCrypto)
  })

  it('5: a HelloRetryRequest for P-256 with a cookie; message_hash stands for the first hello', async () => {
    expect(hex(retryRandom)).toBe(hex(hash.digest(latin1('HelloRetryRequest'))))
    expect(hex(messageHash(hash.digest(latin1('a hello')))).slice(0, 8)).toBe('fe000020')
    const cookie = new Uint8Array(0x72).fill(0x71)
    const { server, info } = await world.meet({ retry: { group: 0x0017, cookie } })
    expect(server.finished).toBe(true)
    expect(info).toMatchObject({ group: 'secp256r1' })
    const [first, second] = server.hellos
    expect(first!.keyShares.map(({ group }) => group)).toContain(0x001d)
    expect(second!.keyShares).toHaveLength(1)
    // An uncompressed point.
    expect([second!.keyShares[0]!.key.length, second!.keyShares[0]!.key[0]]).toEqual([65, 4])
    expect(second!.cookie).toEqual(cookie)
    expect(second!.random).toEqual(first!.random)
  })

  it('6: client authentication: Certificate, CertificateVerify and Finished in the client’s flight', async () => {
    const identity = await world.client('rsa-2048')
    const { server } = await world.meet({ request: {} }, { identity })
    expect(server.finished).toBe(true)
    expect(server.clientScheme).toBe('rsa_pss_rsae_sha256')
    expect(server.seen.slice(1).map(({ name }) => name)).toEqual([
      'certificate',
      'certificate_verify',
      'finished',
    ])
  })

  it('7: compatibility mode: a session id of 32 bytes is echoed, change_cipher_spec is one byte in clear', async () => {
    const { server, sent } = await world.meet()
    expect(server.hellos[0]!.sessionId).toHaveLength(32)
    expect(hex(sent[1]!.subarray(0, 6))).toBe('140303000101')
    const wrong = await world.meet({
      serverHello: (fields) => ({ ...fields, sessionId: new Uint8Array(32) }),
    })
    expect(wrong.error?.code).toBe('ERR_TLS_ILLEGAL_PARAMETER')
  })
})

/** The RFC's ClientHello, with the RFC's key. */
function offer(recalled: Recalled): Offer {
  const hello = readClientHello(message('ClientHello')).value
  const group: Group = nodeCrypto.groups.find(({ name }) => name === 'X25519')!
  // RFC 8410 §7: PKCS#8 around a raw X25519 key.
  const privateKey = createPrivateKey({
    key: Buffer.from(`302e020100300506032b656e04220420${vectors.client_x25519_private}`, 'hex'),
    format: 'der',
    type: 'pkcs8',
  })
  const share = x25519Share(privateKey)
  expect(hex(share.publicKey)).toBe(vectors.client_x25519_public)
  return {
    ...recalled,
    message: { ...message('ClientHello'), spans: [] },
    hello,
    shares: new Map([[group.id, share]]),
    extensions: new Set([0, 10, 13, 28, 35, 43, 45, 51]),
  }
}
