// A TLS 1.3 client for tests, without I/O, the counterpart of `ScriptedServer`: bytes in by `receive`, bytes out by `take`. It is
// made of the product's own messages, key schedule and record protection, and can be told to misbehave at every step.
import { type Bytes, concat } from '../../../src/bytes/index.js'
import { hkdfExpandLabel } from '../../../src/crypto/hkdf.js'
import type { CipherSuite, KeyShare, Signer } from '../../../src/crypto/provider.js'
import type { AlertName } from '../../../src/errors.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { readAlert, writeAlert } from '../../../src/tls/alerts.js'
import { HandshakeDeframer } from '../../../src/tls/deframe.js'
import { writeCertificate } from '../../../src/tls/messages/certificate.js'
import { signedContent, writeCertificateVerify } from '../../../src/tls/messages/certificate-verify.js'
import { writeClientHello } from '../../../src/tls/messages/client-hello.js'
import { writeFinished } from '../../../src/tls/messages/finished.js'
import { type KeyUpdateRequest, writeKeyUpdate } from '../../../src/tls/messages/key-update.js'
import type { HandshakeMessage } from '../../../src/tls/messages/message.js'
import { readNewSessionTicket } from '../../../src/tls/messages/new-session-ticket.js'
import { isRetry, readServerHello } from '../../../src/tls/messages/server-hello.js'
import { Opener, Sealer } from '../../../src/tls/protection.js'
import { RecordReader, writeHeader } from '../../../src/tls/record.js'
import {
  contentType,
  extensionType,
  handshakeType,
  signatureSchemes,
  TLS12,
  TLS13,
} from '../../../src/tls/registry.js'
import * as schedule from '../../../src/tls/schedule.js'
import { Transcript } from '../../../src/tls/transcript.js'
import { ScriptedEnd } from '../../support/scripted-end.js'
import type { SeenAlert } from '../../support/tls-server/server.js'
import { extension, type HelloParts, joinHello, shares, splitHello } from './hello.js'

export type ClientMessageName =
  | 'client_hello'
  | 'second_hello'
  | 'certificate'
  | 'certificate_verify'
  | 'finished'

/** Who a client says it is, and what it proves that with. */
export interface ClientIdentity {
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
  readonly signer: Signer
}

/** What a session ticket stands for. */
export interface Ticket {
  readonly identity: Uint8Array
  readonly psk: Bytes
  readonly ageAdd: number
  /** Name of the hash. */
  readonly hash: string
}

/** How the client behaves. Without the optional members it is an honest one. */
export interface ClientScript {
  readonly alpn?: readonly string[]
  readonly serverName?: string
  /** None: it has no certificate to show. */
  readonly identity?: ClientIdentity | undefined
  /** Groups it sends shares of; X25519 by default, and none makes the server ask again. */
  readonly shared?: readonly number[]
  readonly ticket?: Ticket | undefined
  /** What it says first when it is open. */
  readonly word?: Uint8Array
  readonly corruptBinder?: boolean
  /** Changes the first hello and the second. */
  readonly hello?: (hello: HelloParts, nth: 1 | 2) => HelloParts
  /** Id of the scheme claimed in CertificateVerify, and of the one signed with; the one that fits the key by default. */
  readonly scheme?: number
  readonly signsWith?: number
  /** What is signed. */
  readonly content?: (transcriptHash: Uint8Array) => Uint8Array
  /** What is sent instead of a message. The transcript takes what is sent. */
  readonly edit?: (name: ClientMessageName, message: HandshakeMessage) => readonly HandshakeMessage[]
  /** Called before a message is sent, to slip something in. */
  readonly before?: (name: ClientMessageName, client: ScriptedClient) => void
  /** After this message the client sends FIN. */
  readonly hangUpAfter?: ClientMessageName
  /** Bytes of content in a handshake record at most. */
  readonly fragment?: number
  /** All messages of the second flight in one record. */
  readonly pack?: boolean
}

export class ScriptedClient extends ScriptedEnd {
  readonly word: Uint8Array | undefined
  /** Alerts the server sent. */
  readonly alerts: SeenAlert[] = []
  /** Handshake messages the server sent, by type. */
  readonly seen: number[] = []
  readonly tickets: Ticket[] = []
  /** Whether its own Finished is said. */
  open = false
  /** What the connection is to be ended with once everything said is sent. */
  ending: 'fin' | 'reset' | undefined
  readonly #script: ClientScript
  readonly #reader = new RecordReader()
  readonly #deframer = new HandshakeDeframer(2 ** 20)
  #pending: Uint8Array[] = []
  readonly #shares = new Map<number, KeyShare>()
  #first!: HandshakeMessage
  #parts!: HelloParts
  #suite!: CipherSuite
  #transcript: Transcript | undefined
  #retried = false
  /** It has hung up. */
  #silent = false
  #requested = false
  #opener: Opener | undefined
  #sealer: Sealer | undefined
  #handshake!: Bytes
  #handshakeTraffic!: schedule.TrafficSecrets
  #traffic!: schedule.TrafficSecrets
  #resumptionMaster!: Bytes

  constructor(script: ClientScript) {
    super()
    this.#script = script
    this.word = script.word
  }

  async start(): Promise<void> {
    const { serverName = 'gateway.test', alpn = ['echo'], shared = [29] } = this.#script
    for (const id of shared) this.#shares.set(id, await generate(id))
    const written = writeClientHello({
      random: nodeCrypto.random(32),
      sessionId: nodeCrypto.random(32),
      suites: [0x1301, 0x1302, 0x1303],
      serverName: serverName === '' ? undefined : serverName,
      groups: [29, 23, 24],
      signatureSchemes: signatureSchemes.map(({ id }) => id),
      alpn: alpn.length === 0 ? undefined : alpn,
      versions: [TLS13],
      pskModes: [1],
      keyShares: [...this.#shares].map(([group, { publicKey }]) => ({ group, key: publicKey })),
      psk: this.#offeredPsk(),
    })
    this.#parts = splitHello(written.bytes)
    this.#sayHello('client_hello', 1)
  }

  async receive(chunk: Uint8Array): Promise<void> {
    this.#reader.push(chunk)
    for (let r = this.#reader.next(2 ** 14 + 256); r !== undefined; r = this.#reader.next(2 ** 14 + 256)) {
      const encrypted = r.type === contentType.application_data
      const { type, content } =
        encrypted && this.#opener !== undefined
          ? await this.#opener.open(r)
          : { type: r.type, content: r.fragment }
      if (type === contentType.alert) this.alerts.push({ ...readAlert(content), encrypted })
      else if (type === contentType.application_data) this.data.push(content)
      else if (type === contentType.handshake) {
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

  keyUpdate(request: KeyUpdateRequest = 'update_not_requested'): void {
    this.record(contentType.handshake, writeKeyUpdate(request).bytes)
    this.nextWriteKeys()
  }

  nextWriteKeys(): void {
    const client = schedule.nextTrafficSecret(this.#suite.hash, this.#traffic.client)
    this.#traffic = { ...this.#traffic, client }
    this.#sealer = new Sealer(this.#suite, client)
  }

  /** One record, protected once there are keys; the content may be too long and the padding absurd. */
  record(type: number, content: Uint8Array, padding = 0): void {
    if (this.#sealer === undefined) {
      this.plain(type, content)
      return
    }
    // The sealer appends the type; for padding the type is put here and a zero takes its place.
    const inner = padding === 0 ? content : concat(content, Uint8Array.of(type), new Uint8Array(padding - 1))
    const out = new Uint8Array(inner.length + this.#sealer.overhead)
    this.#sealer.seal(padding === 0 ? type : 0, inner, out, 0)
    this.raw(out)
  }

  /** A record without protection, whatever the state. */
  plain(type: number, content: Uint8Array, version: number = TLS12): void {
    const out = new Uint8Array(content.length + 5)
    writeHeader(out, 0, type, content.length, version)
    out.set(content, 5)
    this.raw(out)
  }

  /** Bytes as they are; none when all is said. */
  raw(bytes: Uint8Array): void {
    if (!this.#silent) this.out.push(bytes)
  }

  async #message(message: HandshakeMessage): Promise<void> {
    this.seen.push(message.type)
    switch (message.type) {
      case handshakeType.server_hello:
        return this.#serverHello(message)
      case handshakeType.certificate_request:
        this.#requested = true
        this.#transcript!.add(message)
        break
      case handshakeType.finished:
        this.#transcript!.add(message)
        return this.#answer()
      case handshakeType.new_session_ticket: {
        const { hash } = this.#suite
        const { ticket, nonce, ageAdd } = readNewSessionTicket(message).value
        const psk = schedule.ticketPsk(hash, this.#resumptionMaster, nonce)
        this.tickets.push({ identity: ticket.slice(), psk, ageAdd, hash: hash.name })
        break
      }
      case handshakeType.key_update: {
        const server = schedule.nextTrafficSecret(this.#suite.hash, this.#traffic.server)
        this.#traffic = { ...this.#traffic, server }
        this.#opener = new Opener(this.#suite, server)
        break
      }
      // Whose certificate it is, is nothing to a client that means no good.
      default:
        if (!this.open) this.#transcript!.add(message)
    }
  }

  async #serverHello(message: HandshakeMessage): Promise<void> {
    const hello = readServerHello(message).value
    this.#suite = nodeCrypto.suites.find(({ id }) => id === hello.suite)!
    const { hash } = this.#suite
    this.#transcript ??= new Transcript(hash, this.#first)
    if (isRetry(hello) && !this.#retried) {
      this.#retried = true
      this.#transcript.retry()
      this.#transcript.add(message)
      const group = hello.group!
      const share = await generate(group)
      this.#shares.set(group, share)
      this.#parts = extension(this.#parts, extensionType.key_share, () => shares([group, share.publicKey]))
      this.#sayHello('second_hello', 2)
      return
    }
    this.#transcript.add(message)
    const { group, key } = hello.keyShare!
    const psk = hello.selectedPsk === undefined ? undefined : this.#script.ticket?.psk
    const shared = await this.#shares.get(group)!.derive(key)
    this.#handshake = schedule.handshakeSecret(hash, schedule.earlySecret(hash, psk), shared)
    this.#handshakeTraffic = schedule.handshakeTraffic(hash, this.#handshake, this.#transcript.digest())
    this.#opener = new Opener(this.#suite, this.#handshakeTraffic.server)
    this.#sealer = new Sealer(this.#suite, this.#handshakeTraffic.client)
  }

  /** The second flight. */
  async #answer(): Promise<void> {
    const { hash } = this.#suite
    const transcript = this.#transcript!
    const master = schedule.masterSecret(hash, this.#handshake)
    this.#traffic = schedule.applicationTraffic(hash, master, transcript.digest())
    this.#opener = new Opener(this.#suite, this.#traffic.server)
    this.plain(contentType.change_cipher_spec, Uint8Array.of(1))
    const { identity } = this.#script
    if (this.#requested) {
      this.#say('certificate', writeCertificate(identity?.chain ?? []))
      if (identity !== undefined) this.#say('certificate_verify', await this.#sign(identity.signer))
    }
    this.#say(
      'finished',
      writeFinished(schedule.finishedMac(hash, this.#handshakeTraffic.client, transcript.digest())),
    )
    this.#flushMessages()
    this.#resumptionMaster = schedule.resumptionMasterSecret(hash, master, transcript.digest())
    this.#sealer = new Sealer(this.#suite, this.#traffic.client)
    this.open = true
  }

  async #sign(signer: Signer): Promise<HandshakeMessage> {
    const { scheme, signsWith, content = (hash) => signedContent('client', hash) } = this.#script
    const fitting = signatureSchemes.find(({ id, handshake, fits }) =>
      signsWith === undefined ? handshake && fits(signer.key) : id === signsWith,
    )!
    const signature = await signer.sign(fitting.algorithm, content(this.#transcript!.digest()))
    return writeCertificateVerify({ scheme: scheme ?? fitting.id, signature })
  }

  #sayHello(name: 'client_hello' | 'second_hello', nth: 1 | 2): void {
    const changed = this.#script.hello?.(this.#parts, nth) ?? this.#parts
    const bytes = joinHello(changed)
    if (this.#script.ticket !== undefined) this.#bind(bytes)
    this.#first ??= { type: handshakeType.client_hello, bytes }
    this.#say(name, { type: handshakeType.client_hello, bytes })
    this.#flushMessages()
  }

  #offeredPsk() {
    const { ticket } = this.#script
    if (ticket === undefined) return undefined
    const { identity, ageAdd, psk } = ticket
    return { identity, obfuscatedAge: (ageAdd + 1_000) >>> 0, binderLength: psk.length }
  }

  /** RFC 8446 §4.2.11.2: the binder, at the end of the hello, covers what is before its list. */
  #bind(hello: Bytes): void {
    const { psk, hash: name } = this.#script.ticket!
    const hash = Object.values(nodeCrypto.hashes).find((each) => each.name === name)!
    const early = schedule.earlySecret(hash, psk)
    const key = hkdfExpandLabel(hash, early, 'res binder', hash.digest(new Uint8Array(0)), hash.length)
    const end = hello.length - psk.length
    hello.set(schedule.finishedMac(hash, key, hash.digest(hello.subarray(0, end - 3))), end)
    if (this.#script.corruptBinder === true) hello[end]! ^= 1
  }

  #say(name: ClientMessageName, message: HandshakeMessage): void {
    const { edit, before, pack, hangUpAfter } = this.#script
    before?.(name, this)
    for (const one of edit?.(name, message) ?? [message]) {
      this.#transcript?.add(one)
      this.#pending.push(one.bytes)
    }
    if (pack !== true) this.#flushMessages()
    if (hangUpAfter !== name) return
    this.hangUp('fin')
  }

  #flushMessages(): void {
    const content = concat(...this.#pending)
    this.#pending = []
    const size = this.#script.fragment ?? 2 ** 14
    for (let at = 0; at < content.length; at += size)
      this.record(contentType.handshake, content.subarray(at, at + size))
  }
}

async function generate(group: number): Promise<KeyShare> {
  return nodeCrypto.groups.find(({ id }) => id === group)!.generate()
}
