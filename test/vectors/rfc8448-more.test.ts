// RFC 8448 sections 4 to 7, byte for byte: every secret from the private keys on, every message, every record, and our
// client in the place of the RFC's. Of section 4, early data is a matter of the key schedule and of records only: the
// library offers none, so no client of ours can be put there. Section 3 is in rfc8448.test.ts.
import { createECDH, createPrivateKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Bytes, concat, fromHex, hex, latin1 } from '../../src/bytes/index.js'
import { deriveSecret } from '../../src/crypto/hkdf.js'
import type { CryptoProvider, KeyShare, Signer } from '../../src/crypto/provider.js'
import type { Layer } from '../../src/layer.js'
import { dangerously, type Identity, parseCertificate } from '../../src/pki/index.js'
import { nistShare, nodeCrypto, x25519Share } from '../../src/platform/node/crypto.js'
import { handshake } from '../../src/tls/handshake.js'
import type { Offer } from '../../src/tls/hello.js'
import type { TlsInfo } from '../../src/tls/index.js'
import { TlsClient } from '../../src/tls/layer.js'
import { readCertificate, writeCertificate } from '../../src/tls/messages/certificate.js'
import {
  readCertificateRequest,
  writeCertificateRequest,
} from '../../src/tls/messages/certificate-request.js'
import {
  readCertificateVerify,
  signedContent,
  writeCertificateVerify,
} from '../../src/tls/messages/certificate-verify.js'
import { readClientHello, writeClientHello } from '../../src/tls/messages/client-hello.js'
import {
  readEncryptedExtensions,
  writeEncryptedExtensions,
} from '../../src/tls/messages/encrypted-extensions.js'
import { readFinished, writeFinished } from '../../src/tls/messages/finished.js'
import type { HandshakeMessage } from '../../src/tls/messages/message.js'
import { isRetry, readServerHello, writeServerHello } from '../../src/tls/messages/server-hello.js'
import { configure } from '../../src/tls/options.js'
import { Opener, Sealer } from '../../src/tls/protection.js'
import { RecordReader } from '../../src/tls/record.js'
import { signatureSchemes } from '../../src/tls/registry.js'
import { bind } from '../../src/tls/resumption.js'
import * as schedule from '../../src/tls/schedule.js'
import { messageHash, Transcript } from '../../src/tls/transcript.js'
import { type ProtectedRecord, type SecretName, type Trace, traces } from './rfc8448-facts.js'

const suite = nodeCrypto.suites.find(({ name }) => name === 'TLS_AES_128_GCM_SHA256')!
const { hash } = suite
const NOTHING = new Uint8Array(0)

/** The message in a record in clear. */
const inClear = (record: string): HandshakeMessage => message(record.slice(10))

function message(text: string): HandshakeMessage {
  const bytes = fromHex(text)
  return { type: bytes[0]!, bytes }
}

function trace(section: number): Trace {
  return traces.find((one) => one.section === section)!
}

function record(
  trace: Trace,
  from: ProtectedRecord['from'],
  epoch: ProtectedRecord['epoch'],
): ProtectedRecord {
  return trace.records.find((one) => one.from === from && one.epoch === epoch)!
}

/** The messages one side protects, in the order of the transcript. */
function flight(trace: Trace, from: ProtectedRecord['from']): readonly HandshakeMessage[] {
  return record(trace, from, 'handshake').content.map(message)
}

function share({ group }: Pick<Trace, 'group'>, key: string): KeyShare {
  if (group === 'secp256r1') {
    const ecdh = createECDH('prime256v1')
    ecdh.setPrivateKey(fromHex(key))
    return nistShare('secp256r1', ecdh)
  }
  // RFC 8410 §7: PKCS#8 around a raw X25519 key.
  const pkcs8 = Buffer.from(`302e020100300506032b656e04220420${key}`, 'hex')
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  return x25519Share(privateKey)
}

/** The transcript through ServerHello, and from there through what is given. */
function transcript(trace: Trace, ...more: readonly HandshakeMessage[]): Bytes {
  const { retry } = trace
  const hello = inClear(trace.clientHello)
  const running = new Transcript(hash, retry === undefined ? hello : inClear(retry.clientHello))
  if (retry !== undefined) {
    running.retry()
    running.add(inClear(retry.helloRetryRequest))
    running.add(hello)
  }
  for (const one of [inClear(trace.serverHello), ...more]) running.add(one)
  return running.digest()
}

/** What goes between the two Finished when there was early data: EndOfEarlyData. */
function endOfEarlyData(trace: Trace): readonly HandshakeMessage[] {
  return trace.records
    .filter(({ epoch, type }) => epoch === 'early' && type === 22)
    .flatMap(({ content }) => content.map(message))
}

/** Every secret, from the client's private key and the server's public one. */
async function secrets(trace: Trace): Promise<Record<SecretName, Bytes>> {
  const { keyShare } = readServerHello(inClear(trace.serverHello)).value
  const shared = await share(trace, trace.clientPrivate).derive(keyShare!.key)
  const hello = transcriptOfHello(trace)
  const early = schedule.earlySecret(hash, trace.psk === undefined ? undefined : fromHex(trace.psk))
  const handshake = schedule.handshakeSecret(hash, early, shared)
  const master = schedule.masterSecret(hash, handshake)
  const handshakeTraffic = schedule.handshakeTraffic(hash, handshake, transcript(trace))
  const server = flight(trace, 'server')
  const finished = transcript(trace, ...server)
  const traffic = schedule.applicationTraffic(hash, master, finished)
  const all = transcript(trace, ...server, ...endOfEarlyData(trace), ...flight(trace, 'client'))
  return {
    early,
    // RFC 8446 §7.1: not in our key schedule, since early data is not offered; the labels are the RFC's.
    clientEarly: deriveSecret(hash, early, 'c e traffic', hello),
    earlyExporter: deriveSecret(hash, early, 'e exp master', hello),
    handshake,
    clientHandshake: handshakeTraffic.client,
    serverHandshake: handshakeTraffic.server,
    master,
    clientApplication: traffic.client,
    serverApplication: traffic.server,
    exporter: schedule.exporterMasterSecret(hash, master, finished),
    resumption: schedule.resumptionMasterSecret(hash, master, all),
  }
}

function transcriptOfHello({ clientHello }: Trace): Bytes {
  return new Transcript(hash, inClear(clientHello)).digest()
}

function secretOf({ from, epoch }: ProtectedRecord): SecretName {
  if (epoch === 'early') return 'clientEarly'
  return `${from}${epoch === 'handshake' ? 'Handshake' : 'Application'}`
}

/** Extensions of a block in wire form, by type. */
function extensions(block: Uint8Array): Map<number, string> {
  const found = new Map<number, string>()
  for (let at = 0; at < block.length; ) {
    const end = at + 4 + block[at + 2]! * 256 + block[at + 3]!
    found.set(block[at]! * 256 + block[at + 1]!, hex(block.subarray(at + 4, end)))
    at = end
  }
  return found
}

/** A message of the server's or the client's flight, read and written again. */
function rewritten(one: HandshakeMessage): Uint8Array {
  switch (one.type) {
    case 8: {
      const present = readEncryptedExtensions(one).value.extensions
      const inWire = extensions(one.bytes.subarray(6))
      expect([...inWire.keys()]).toEqual([...present])
      return writeEncryptedExtensions(
        undefined,
        [...inWire].map(([type, body]) => [type, fromHex(body)]),
      ).bytes
    }
    case 11: {
      const { chain, context } = readCertificate(one).value
      return writeCertificate(chain, context).bytes
    }
    case 13:
      return writeCertificateRequest(readCertificateRequest(one).value).bytes
    case 15:
      return writeCertificateVerify(readCertificateVerify(one).value).bytes
    case 20:
      return writeFinished(readFinished(one).value).bytes
    default:
      throw new Error(`no message of type ${one.type} was expected`)
  }
}

describe.each(traces)('section $section, $title', (trace) => {
  const clientHello = readClientHello(inClear(trace.clientHello)).value
  const serverHello = readServerHello(inClear(trace.serverHello)).value
  const { group } = trace

  it('agrees on one secret from either private key', async () => {
    const client = share(trace, trace.clientPrivate)
    const server = share(trace, trace.serverPrivate)
    const { id } = nodeCrypto.groups.find(({ name }) => name === group)!
    expect(clientHello.keyShares).toEqual([{ group: id, key: client.publicKey }])
    expect(serverHello.keyShare).toEqual({ group: id, key: server.publicKey })
    expect(await client.derive(server.publicKey)).toEqual(await server.derive(client.publicKey))
  })

  it('has the secrets of our key schedule', async () => {
    const made = Object.entries(await secrets(trace)).filter(([name]) => name in trace.secrets)
    expect(Object.fromEntries(made.map(([name, secret]) => [name, hex(secret)]))).toEqual(trace.secrets)
  })

  it('has the keys of its secrets', () => {
    for (const [name, keys] of Object.entries(trace.keys)) {
      const { key, iv } = schedule.trafficKeys(suite, fromHex(trace.secrets[name as SecretName]!))
      expect([hex(key), hex(iv)]).toEqual(keys)
    }
  })

  it('has the Finished of both sides', () => {
    const server = flight(trace, 'server')
    const client = flight(trace, 'client')
    const mac = (secret: SecretName, ...covered: readonly HandshakeMessage[]) =>
      writeFinished(
        schedule.finishedMac(hash, fromHex(trace.secrets[secret]!), transcript(trace, ...covered)),
      ).bytes
    expect(mac('serverHandshake', ...server.slice(0, -1))).toEqual(server.at(-1)!.bytes)
    const before = [...server, ...endOfEarlyData(trace), ...client.slice(0, -1)]
    expect(mac('clientHandshake', ...before)).toEqual(client.at(-1)!.bytes)
  })

  it('has messages that are written as they were read', () => {
    for (const one of [...flight(trace, 'server'), ...flight(trace, 'client')])
      expect(hex(rewritten(one))).toBe(hex(one.bytes))
  })

  it('has hellos that are written as they were read', () => {
    for (const text of [trace.serverHello, ...(trace.retry ? [trace.retry.helloRetryRequest] : [])]) {
      const recorded = inClear(text)
      const written = writeServerHello(readServerHello(recorded).value)
      // Section 4's has pre_shared_key first, where ours comes last.
      if (trace.psk === undefined) expect(hex(written.bytes)).toBe(hex(recorded.bytes))
      expect(written.bytes).toHaveLength(recorded.bytes.length)
      expect(readServerHello(written).value).toEqual(readServerHello(recorded).value)
    }
    for (const text of [trace.clientHello, ...(trace.retry ? [trace.retry.clientHello] : [])]) {
      const recorded = inClear(text)
      const written = writeClientHello(readClientHello(recorded).value).bytes
      // Through legacy_compression_methods; then our extensions have another order, and some of the RFC's we never send
      // (renegotiation_info, early_data, padding); the binder is put in afterwards.
      const start = 4 + 2 + 32 + 1 + recorded.bytes[38]! + 2 + 6 + 2
      expect(hex(written.subarray(4, start))).toBe(hex(recorded.bytes.subarray(4, start)))
      const theirs = extensions(recorded.bytes.subarray(start + 2))
      for (const [type, body] of extensions(written.subarray(start + 2)))
        expect([type, withoutBinder(type, body)]).toEqual([type, withoutBinder(type, theirs.get(type)!)])
      const ours = [...extensions(written.subarray(start + 2)).keys()]
      expect([...theirs.keys()].filter((type) => !ours.includes(type))).toSatisfy((left: number[]) =>
        left.every((type) => [0xff01, 21, 35, 42].includes(type)),
      )
    }
    function withoutBinder(type: number, body: string): string {
      return type === 41 ? body.slice(0, -64) : body
    }
  })

  it('has records that open to what was in them', () => {
    const openers = new Map<SecretName, Opener>()
    for (const one of trace.records) {
      const name = secretOf(one)
      const opener = openers.get(name) ?? new Opener(suite, fromHex(trace.secrets[name]!))
      openers.set(name, opener)
      expect(opener.count).toBe(one.number)
      const reader = new RecordReader()
      reader.push(fromHex(one.record))
      const { type, content } = opener.open(reader.next(2 ** 14 + 256)!) as {
        type: number
        content: Uint8Array
      }
      expect({ type, content: hex(content) }).toEqual({ type: one.type, content: one.content.join('') })
    }
  })

  it('has records that are sealed as they were', () => {
    const sealers = new Map<SecretName, Sealer>()
    for (const one of trace.records) {
      const name = secretOf(one)
      const sealer = sealers.get(name) ?? new Sealer(suite, fromHex(trace.secrets[name]!))
      sealers.set(name, sealer)
      const content = fromHex(one.content.join(''))
      const out = new Uint8Array(content.length + sealer.overhead)
      expect(sealer.seal(one.type, content, out, 0)).toBeUndefined()
      expect(hex(out)).toBe(one.record)
    }
  })

  it('has signatures that verify under the certificates', async () => {
    let verified = 0
    for (const side of ['server', 'client'] as const) {
      const server = flight(trace, 'server')
      const messages = side === 'server' ? server : [...server, ...flight(trace, 'client')]
      const own = flight(trace, side)
      const verify = own.find(({ type }) => type === 15)
      if (verify === undefined) continue
      const { scheme: id, signature } = readCertificateVerify(verify).value
      const scheme = signatureSchemes.find((one) => one.id === id)!
      const [leaf] = readCertificate(own.find(({ type }) => type === 11)!).value.chain
      const { publicKey } = parseCertificate(leaf!)
      const at = messages.findIndex(({ bytes }) => hex(bytes) === hex(verify.bytes))
      const covered = transcript(trace, ...messages.slice(0, at))
      const check = (said: 'server' | 'client', digest: Uint8Array) =>
        nodeCrypto.verify(scheme.algorithm, publicKey, signature, signedContent(said, digest))
      expect(await check(side, covered)).toBe(true)
      expect(await check(side === 'server' ? 'client' : 'server', covered)).toBe(false)
      expect(await check(side, transcript(trace, ...messages.slice(0, at - 1)))).toBe(false)
      verified++
    }
    // A pre-shared key stands for the signature in section 4; in section 6 the client signs too.
    expect(verified).toBe({ 4: 0, 5: 1, 6: 2, 7: 1 }[trace.section])
  })
})

describe('section 4', () => {
  const four = trace(4)

  it('has the binder that we make', () => {
    const { bytes } = inClear(four.clientHello)
    const hello = Uint8Array.from(bytes)
    hello.fill(0, -32)
    bind({ early: schedule.earlySecret(hash, fromHex(four.psk!)), hash }, hello, NOTHING)
    expect(hex(hello)).toBe(hex(bytes))
  })

  it('selects the key offered', () => {
    expect(readServerHello(inClear(four.serverHello)).value.selectedPsk).toBe(0)
  })
})

describe('section 5', () => {
  const five = trace(5)
  const retry = five.retry!

  it('has message_hash in place of the first hello', () => {
    const first = inClear(retry.clientHello).bytes
    const rest = [retry.helloRetryRequest, five.clientHello, five.serverHello].map(
      (one) => inClear(one).bytes,
    )
    expect(hash.digest(concat(messageHash(hash.digest(first)), ...rest))).toEqual(transcript(five))
    expect(isRetry(readServerHello(inClear(retry.helloRetryRequest)).value)).toBe(true)
  })

  it('is answered by our client with the second hello of the RFC', async () => {
    // The group the server asks for is the second of the RFC's, with the RFC's key.
    const crypto: CryptoProvider = {
      ...nodeCrypto,
      groups: nodeCrypto.groups.map((one) =>
        one.name === 'secp256r1' ? { ...one, generate: () => share(five, five.clientPrivate) } : one,
      ),
    }
    const first = {
      group: 'X25519',
      clientPrivate: retry.clientPrivate,
      clientHello: retry.clientHello,
    } as const
    const client = await replay(first, { crypto })
    await client.receive(retry.helloRetryRequest)
    const [hello, second] = client.sent
    expect(hello).toBe(retry.clientHello)
    const expected = readClientHello(inClear(five.clientHello)).value
    expect(readClientHello(inClear(second!)).value).toEqual(expected)
    expect(hex(expected.cookie!)).toBe(hex(readServerHello(inClear(retry.helloRetryRequest)).value.cookie!))
  })
})

describe('section 6', () => {
  it('is answered by our client with the certificate, signature and Finished of the RFC', async () => {
    const six = trace(6)
    const [certificate, verify] = flight(six, 'client')
    const { chain } = readCertificate(certificate!).value
    const leaf = parseCertificate(chain[0]!)
    const { signature } = readCertificateVerify(verify!).value
    const signed: string[] = []
    // The salt of RSASSA-PSS is random: the signature is the RFC's, and checked before it is sent.
    const signer: Signer = {
      key: leaf.publicKey.key,
      sign: (_, data) => {
        signed.push(hex(data))
        return signature
      },
    }
    const client = await replay(six, { identity: { chain, leaf, signer } })
    await client.receive(six.serverHello, record(six, 'server', 'handshake').record)
    // The RFC's are in one record, ours in one each: the same bytes under protection.
    const [hello, ...rest] = client.sent
    expect(hello).toBe(six.clientHello)
    const reader = new RecordReader()
    for (const chunk of rest) reader.push(fromHex(chunk))
    const opener = new Opener(suite, fromHex(six.secrets.clientHandshake!))
    let content = ''
    for (let one = reader.next(2 ** 14 + 256); one !== undefined; one = reader.next(2 ** 14 + 256))
      content += hex((opener.open(one) as { content: Uint8Array }).content)
    expect(content).toBe(record(six, 'client', 'handshake').content.join(''))
    expect(client.info()).toMatchObject({ signature: 'ecdsa_secp256r1_sha256', clientCertificate: true })
    const covered = transcript(six, ...flight(six, 'server'), certificate!)
    expect(signed).toEqual([hex(signedContent('client', covered))])
    await client.close(six)
  })
})

describe('section 7', () => {
  const seven = trace(7)
  const dummy = '140303000101'

  it('is answered by our client with change_cipher_spec and the Finished of the RFC', async () => {
    const client = await replay(seven)
    await client.receive(seven.serverHello, dummy, record(seven, 'server', 'handshake').record)
    expect(client.sent.join('')).toBe(seven.clientHello + dummy + record(seven, 'client', 'handshake').record)
    expect(client.info()).toMatchObject({ suite: suite.name, signature: 'rsa_pss_rsae_sha256' })
    await client.close(seven)
  })

  it('has the session id of the client echoed; another is refused', async () => {
    const { sessionId } = readClientHello(inClear(seven.clientHello)).value
    const hello = readServerHello(inClear(seven.serverHello)).value
    expect(sessionId).toHaveLength(32)
    expect(hello.sessionId).toEqual(sessionId)
    const other = writeServerHello({ ...hello, sessionId: hash.digest(latin1('another')) })
    const client = await replay(seven)
    await expect(client.receive(`160303007a${hex(other.bytes)}`)).rejects.toMatchObject({
      code: 'ERR_TLS_ILLEGAL_PARAMETER',
    })
  })
})

/** Our client with the RFC's hello and key; `receive` gives it records of the server. */
async function replay(
  recorded: Pick<Trace, 'group' | 'clientPrivate' | 'clientHello'>,
  { crypto = nodeCrypto, identity }: { crypto?: CryptoProvider; identity?: Identity } = {},
) {
  const config = configure({
    crypto,
    now: () => Date.UTC(2016, 7, 1),
    trust: dangerously.anyCertificate('the certificates of RFC 8448'),
    ...(identity && { identity }),
  })
  const layer: Layer<TlsInfo> = new TlsClient(config, (channel) =>
    handshake(config, channel, offerOf(recorded)),
  )
  const sent: string[] = []
  let info: TlsInfo | undefined
  let ended = false
  const sink = {
    down: (chunk: Uint8Array) => void sent.push(hex(chunk)),
    up: () => {},
    open: (opened: TlsInfo) => {
      info = opened
    },
    finish: () => {},
    eof: (cause?: unknown) => {
      expect(cause).toBeUndefined()
      ended = true
    },
    trace: () => {},
  }
  await layer.start(sink)
  const receive = async (...records: readonly string[]) => {
    for (const one of records) await layer.receive(fromHex(one), sink)
  }
  return {
    sent,
    info: () => info,
    receive,
    /** Both close_notify of the trace. */
    async close(trace: Trace) {
      await receive(record(trace, 'server', 'application').record)
      expect(ended).toBe(true)
      await layer.end(sink)
      expect(sent.at(-1)).toBe(record(trace, 'client', 'application').record)
    },
  }
}

function offerOf({
  group,
  clientPrivate,
  clientHello,
}: Pick<Trace, 'group' | 'clientPrivate' | 'clientHello'>): Offer {
  const message = inClear(clientHello)
  const hello = readClientHello(message).value
  const key = share({ group }, clientPrivate)
  return {
    message: { ...message, spans: [] },
    hello,
    shares: new Map([[hello.keyShares[0]!.group, key]]),
    extensions: new Set([0, 10, 13, 28, 43, 45, 51]),
  }
}
