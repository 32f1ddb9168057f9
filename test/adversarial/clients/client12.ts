// A TLS 1.2 client for tests, the sister of `ScriptedClient`: bytes in by `receive`, bytes out by `take`, misbehaviour at every
// step. ECDHE with X25519, and AES-128-GCM.
import { concat } from '../../../src/bytes/index.js'
import type { Signer } from '../../../src/crypto/provider.js'
import type { AlertName } from '../../../src/errors.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { readAlert, writeAlert } from '../../../src/tls/alerts.js'
import { HandshakeDeframer } from '../../../src/tls/deframe.js'
import { writeCertificateVerify } from '../../../src/tls/messages/certificate-verify.js'
import { writeCertificate12 } from '../../../src/tls/messages/certificate12.js'
import { writeClientHello } from '../../../src/tls/messages/client-hello.js'
import { writeClientKeyExchange } from '../../../src/tls/messages/client-key-exchange.js'
import { writeFinished } from '../../../src/tls/messages/finished.js'
import type { HandshakeMessage } from '../../../src/tls/messages/message.js'
import { readServerHello } from '../../../src/tls/messages/server-hello.js'
import { readServerKeyExchange } from '../../../src/tls/messages/server-key-exchange.js'
import { Opener12, Sealer12 } from '../../../src/tls/protection12.js'
import { RecordReader, writeHeader } from '../../../src/tls/record.js'
import { contentType, handshakeType, signatureSchemes, TLS12 } from '../../../src/tls/registry.js'
import { type CipherSuite12, cipherSuites12, schemeFits12 } from '../../../src/tls/registry12.js'
import * as schedule from '../../../src/tls/schedule12.js'
import { Transcript } from '../../../src/tls/transcript.js'
import { ScriptedEnd } from '../../support/scripted-end.js'
import type { SeenAlert } from '../../support/tls-server/server.js'
import type { ClientIdentity } from './client.js'
import { type HelloParts, joinHello, splitHello } from './hello.js'

export type ClientMessageName12 =
  | 'client_hello'
  | 'certificate'
  | 'client_key_exchange'
  | 'certificate_verify'
  | 'change_cipher_spec'
  | 'finished'

/** How the client behaves. Without the optional members it is an honest one. */
export interface ClientScript12 {
  readonly alpn?: readonly string[]
  readonly identity?: ClientIdentity | undefined
  readonly hello?: (hello: HelloParts) => HelloParts
  /** Its share of the key exchange. */
  readonly share?: (publicKey: Uint8Array) => Uint8Array
  /** Id of the scheme claimed in CertificateVerify. */
  readonly scheme?: number
  /** Contents of its change_cipher_spec records: one with a 1 by default. */
  readonly changeCipherSpec?: readonly Uint8Array[]
  readonly edit?: (name: ClientMessageName12, message: HandshakeMessage) => readonly HandshakeMessage[]
  readonly before?: (name: ClientMessageName12, client: ScriptedClient12) => void
  readonly hangUpAfter?: ClientMessageName12
  /** Finished goes out as it would without keys. */
  readonly clearFinished?: boolean
}

export class ScriptedClient12 extends ScriptedEnd {
  readonly alerts: SeenAlert[] = []
  readonly seen: number[] = []
  /** Whether both have said Finished. */
  open = false
  ending: 'fin' | 'reset' | undefined
  readonly #script: ClientScript12
  readonly #reader = new RecordReader()
  readonly #deframer = new HandshakeDeframer(2 ** 20)
  readonly #messages: Uint8Array[] = []
  #random!: Uint8Array
  #serverRandom!: Uint8Array
  #hello!: HandshakeMessage
  #suite!: CipherSuite12
  #transcript: Transcript | undefined
  #serverShare!: Uint8Array
  #requested = false
  #silent = false
  #keys: ReturnType<typeof schedule.recordKeys> | undefined
  #opener: Opener12 | undefined
  #sealer: Sealer12 | undefined

  constructor(script: ClientScript12) {
    super()
    this.#script = script
  }

  async start(): Promise<void> {
    this.#random = nodeCrypto.random(32)
    const written = writeClientHello({
      random: this.#random,
      sessionId: new Uint8Array(0),
      suites: [0xc02b, 0xc02f],
      serverName: 'gateway.test',
      // OpenSSL wants the curve of its own certificate among them.
      groups: [29, 23],
      signatureSchemes: signatureSchemes.map(({ id }) => id),
      alpn: this.#script.alpn ?? ['echo'],
      versions: [TLS12],
      keyShares: [],
    })
    const parts = splitHello(written.bytes)
    const bytes = joinHello(this.#script.hello?.(parts) ?? parts)
    this.#hello = { type: handshakeType.client_hello, bytes }
    this.#say('client_hello', this.#hello)
  }

  async receive(chunk: Uint8Array): Promise<void> {
    this.#reader.push(chunk)
    for (let r = this.#reader.next(2 ** 14 + 256); r !== undefined; r = this.#reader.next(2 ** 14 + 256)) {
      const encrypted = this.#opener !== undefined
      const { type, content } =
        this.#opener === undefined ? { type: r.type, content: r.fragment } : await this.#opener.open(r)
      if (type === contentType.alert) this.alerts.push({ ...readAlert(content), encrypted })
      else if (type === contentType.application_data) this.data.push(content)
      else if (type === contentType.change_cipher_spec)
        this.#opener = new Opener12(this.#suite, this.#keys!.server)
      else {
        this.#deframer.push(content)
        for (let m = this.#deframer.next(); m !== undefined; m = this.#deframer.next()) await this.#message(m)
      }
    }
  }

  /** Not a word more. */
  hangUp(how: 'fin' | 'reset'): void {
    this.#silent = true
    this.ending = how
  }

  send(data: Uint8Array): void {
    this.record(contentType.application_data, data)
  }

  alert(name: AlertName, level?: number): void {
    const alert = writeAlert(name)
    if (level !== undefined) alert[0] = level
    this.record(contentType.alert, alert)
  }

  /** A well-made first message of another handshake. */
  renegotiate(): void {
    this.record(contentType.handshake, this.#hello.bytes)
  }

  /** One record, protected once there are keys. */
  record(type: number, content: Uint8Array): void {
    if (this.#sealer === undefined) {
      this.plain(type, content)
      return
    }
    const out = new Uint8Array(content.length + this.#sealer.overhead)
    this.#sealer.seal(type, content, out, 0)
    this.raw(out)
  }

  plain(type: number, content: Uint8Array): void {
    const out = new Uint8Array(content.length + 5)
    writeHeader(out, 0, type, content.length)
    out.set(content, 5)
    this.raw(out)
  }

  raw(bytes: Uint8Array): void {
    if (!this.#silent) this.out.push(bytes)
  }

  async #message(message: HandshakeMessage): Promise<void> {
    this.seen.push(message.type)
    switch (message.type) {
      case handshakeType.server_hello: {
        const { suite, random } = readServerHello(message).value
        this.#serverRandom = random
        this.#suite = cipherSuites12(nodeCrypto).find(({ id }) => id === suite)!
        this.#transcript = new Transcript(this.#suite.hash, this.#hello)
        this.#messages.push(this.#hello.bytes)
        this.#add(message)
        break
      }
      case handshakeType.server_hello_done:
        this.#add(message)
        return this.#answer()
      case handshakeType.finished:
        this.open = true
        break
      default:
        if (message.type === handshakeType.server_key_exchange)
          this.#serverShare = readServerKeyExchange(message).value.share.key
        if (message.type === handshakeType.certificate_request) this.#requested = true
        if (!this.open) this.#add(message)
    }
  }

  #add(message: HandshakeMessage): void {
    this.#transcript!.add(message)
    this.#messages.push(message.bytes)
  }

  async #answer(): Promise<void> {
    const { identity, share, changeCipherSpec = [Uint8Array.of(1)], clearFinished } = this.#script
    const { hash } = this.#suite
    const transcript = this.#transcript!
    const group = nodeCrypto.groups.find(({ id }) => id === 29)!
    const pair = await group.generate()
    if (this.#requested) this.#say('certificate', writeCertificate12(identity?.chain ?? []))
    this.#say('client_key_exchange', writeClientKeyExchange(share?.(pair.publicKey) ?? pair.publicKey))
    const premaster = await pair.derive(this.#serverShare)
    const master = schedule.extendedMasterSecret(hash, premaster, transcript.digest())
    this.#keys = schedule.recordKeys(this.#suite, master, {
      client: this.#random,
      server: this.#serverRandom,
    })
    if (this.#requested && identity !== undefined)
      this.#say('certificate_verify', await this.#sign(identity.signer))
    this.#script.before?.('change_cipher_spec', this)
    for (const content of changeCipherSpec) this.plain(contentType.change_cipher_spec, content)
    if (clearFinished !== true) this.#sealer = new Sealer12(this.#suite, this.#keys.client)
    this.#say('finished', writeFinished(schedule.verifyData(hash, master, 'client', transcript.digest())))
  }

  /** RFC 5246 §7.4.8: over all messages so far. */
  async #sign(signer: Signer): Promise<HandshakeMessage> {
    const fitting = signatureSchemes.find((each) => schemeFits12(each, signer.key))!
    const signature = await signer.sign(fitting.algorithm, concat(...this.#messages))
    return writeCertificateVerify({ scheme: this.#script.scheme ?? fitting.id, signature })
  }

  #say(name: ClientMessageName12, message: HandshakeMessage): void {
    const { edit, before, hangUpAfter } = this.#script
    before?.(name, this)
    for (const one of edit?.(name, message) ?? [message]) {
      if (this.#transcript !== undefined) this.#add(one)
      this.record(contentType.handshake, one.bytes)
    }
    if (hangUpAfter !== name) return
    this.hangUp('fin')
  }
}
