// RFC 8448 section 3, "Simple 1-RTT Handshake", byte for byte: messages, every secret, every record.
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Bytes, concat, fromHex, hex } from '../../src/bytes/index.js'
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
import { readServerHello, writeServerHello } from '../../src/tls/messages/server-hello.js'
import { configure } from '../../src/tls/options.js'
import { Opener, Sealer } from '../../src/tls/protection.js'
import { RecordReader } from '../../src/tls/record.js'
import * as schedule from '../../src/tls/schedule.js'
import type { Session } from '../../src/tls/session.js'
import { Transcript } from '../../src/tls/transcript.js'
import vectors from './rfc8448-s3.json' with { type: 'json' }

type Name = Exclude<keyof typeof vectors, 'section' | 'title' | 'cipher'>

const bytes = (name: Name): Bytes => fromHex(vectors[name])
const message = (name: Name) => ({ type: bytes(name)[0]!, bytes: bytes(name) })
const suite = nodeCrypto.suites.find(({ name }) => name === vectors.cipher)!
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

describe('messages', () => {
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

describe('key schedule', () => {
  const early = schedule.earlySecret(hash)
  const handshakeSecret = schedule.handshakeSecret(hash, early, bytes('shared_secret'))
  const master = schedule.masterSecret(hash, handshakeSecret)
  const handshakeTraffic = schedule.handshakeTraffic(
    hash,
    handshakeSecret,
    transcript('ClientHello', 'ServerHello'),
  )
  const finished = transcript(...untilFinished, 'ServerFinished')
  const traffic = schedule.applicationTraffic(hash, master, finished)

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

describe('records', () => {
  const flight = ['EncryptedExtensions', 'Certificate', 'CertificateVerify', 'ServerFinished'] as const
  const content = concat(...flight.map(bytes))

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

describe('client', () => {
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
    const layer: Layer<TlsInfo> = new TlsClient(config, (channel) => handshake(config, channel, offer()))
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

/** The RFC's ClientHello, with the RFC's key. */
function offer(): Offer {
  const hello = readClientHello(message('ClientHello')).value
  const group: Group = nodeCrypto.groups.find(({ name }) => name === 'X25519')!
  // RFC 8410 §7: PKCS#8 around a raw X25519 key.
  const privateKey = createPrivateKey({
    key: Buffer.from(`302e020100300506032b656e04220420${vectors.client_x25519_private}`, 'hex'),
    format: 'der',
    type: 'pkcs8',
  })
  const share = x25519Share(privateKey, createPublicKey(privateKey))
  expect(hex(share.publicKey)).toBe(vectors.client_x25519_public)
  return {
    message: { ...message('ClientHello'), spans: [] },
    hello,
    shares: new Map([[group.id, share]]),
    extensions: new Set([0, 10, 13, 28, 35, 43, 45, 51]),
  }
}
