// A TLS 1.3 server for tests, without I/O: bytes in by `receive`, bytes out by `take`. It is built from the same parts as
// the client (messages, key schedule, record protection) and can be told to misbehave at every step. Its checks of the
// client are strict, so that a wrong client shows. No runtime's names in here: it runs wherever the client does.
import { type Bytes, concat, equal, hex } from '../../../src/bytes/index.js'
import { isPostQuantum } from '../../../src/crypto/groups.js'
import { hkdfExpandLabel } from '../../../src/crypto/hkdf.js'
import type { CipherSuite, CryptoProvider, Group, Signer } from '../../../src/crypto/provider.js'
import type { AlertName } from '../../../src/errors.js'
import { parseCertificate } from '../../../src/pki/index.js'
import { type ReceivedAlertName, readAlert, writeAlert } from '../../../src/tls/alerts.js'
import { HandshakeDeframer } from '../../../src/tls/deframe.js'
import { readCertificate, writeCertificate } from '../../../src/tls/messages/certificate.js'
import {
  type CertificateRequest,
  writeCertificateRequest,
} from '../../../src/tls/messages/certificate-request.js'
import {
  readCertificateVerify,
  signedContent,
  writeCertificateVerify,
} from '../../../src/tls/messages/certificate-verify.js'
import { type ClientHello, readClientHello } from '../../../src/tls/messages/client-hello.js'
import { writeEncryptedExtensions } from '../../../src/tls/messages/encrypted-extensions.js'
import { writeFinished } from '../../../src/tls/messages/finished.js'
import { type KeyUpdateRequest, readKeyUpdate, writeKeyUpdate } from '../../../src/tls/messages/key-update.js'
import type { HandshakeMessage } from '../../../src/tls/messages/message.js'
import { type NewSessionTicket, writeNewSessionTicket } from '../../../src/tls/messages/new-session-ticket.js'
import { retryRandom, type ServerHello, writeServerHello } from '../../../src/tls/messages/server-hello.js'
import { Opener, Sealer } from '../../../src/tls/protection.js'
import { RecordReader, writeHeader } from '../../../src/tls/record.js'
import {
  contentType,
  type HandshakeName,
  handshakeType,
  nameOf,
  signatureSchemes,
  TLS12,
  TLS13,
} from '../../../src/tls/registry.js'
import * as schedule from '../../../src/tls/schedule.js'
import { messageHash, Transcript } from '../../../src/tls/transcript.js'
import { ScriptedEnd } from '../scripted-end.js'

export type Extra = readonly (readonly [type: number, body: Uint8Array])[]

/** Names of what the server says, for `edit` and `before`. */
export type ServerMessageName = HandshakeName | 'hello_retry_request'

type HelloFields = Omit<ServerHello, 'extensions'>

/** How the server behaves. Without the optional members it is an honest one. */
export interface ServerScript {
  readonly crypto: CryptoProvider
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
  readonly signer: Signer
  /** What it selects, whatever was offered. */
  readonly alpn?: string
  /** Cipher suite id; its first that was offered by default. */
  readonly suite?: number
  /** Ask for a second hello. */
  readonly retry?: { readonly group?: number; readonly cookie?: Uint8Array }
  /** Ask for a client certificate. */
  readonly request?: Partial<CertificateRequest>
  /** Refuse, after the handshake, a client that sent none. */
  readonly requireCertificate?: boolean
  /** Id of the scheme claimed in CertificateVerify; the one that fits the key by default. */
  readonly scheme?: number
  readonly serverHello?: (fields: HelloFields) => HelloFields
  readonly serverHelloExtra?: Extra
  readonly encryptedExtensions?: Extra
  /** What is sent instead of a message: itself changed, nothing, several. The transcript takes what is sent. */
  readonly edit?: (name: ServerMessageName, message: HandshakeMessage) => readonly HandshakeMessage[]
  /** Called before a message is sent, to slip something in. */
  readonly before?: (name: ServerMessageName, server: ScriptedServer) => void
  /** All messages of an epoch in one run of records instead of a record each. */
  readonly pack?: boolean
  /** Bytes of content in a handshake record at most. */
  readonly fragment?: number
  /** Zeros after the content of every protected record. */
  readonly padding?: number
  /** False leaves out the dummy change_cipher_spec. */
  readonly compatible?: boolean
  /** Pre-shared keys by ticket in hex: `ticket()` adds to it, and what is in it is resumed. Shared among servers. */
  readonly tickets?: Map<string, TicketState>
  /** Its half of a key exchange that is not the same on both sides, by group id: the share it answers and the secret. */
  readonly encapsulate?: Readonly<
    Record<number, (peer: Uint8Array) => { readonly publicKey: Bytes; readonly secret: Bytes }>
  >
  /** Changes the secret that keys are made of, as a server with wrong keys has it. */
  readonly corruptSharedSecret?: boolean
}

export interface TicketState {
  readonly psk: Bytes
  /** Name of the hash. */
  readonly hash: string
}

export interface SeenAlert {
  readonly name: ReceivedAlertName
  readonly level: number
  readonly encrypted: boolean
}

export class ScriptedServer extends ScriptedEnd {
  /** Alerts the client sent. */
  readonly alerts: SeenAlert[] = []
  /** Handshake messages the client sent. */
  readonly seen: { readonly name: string; readonly bytes: Uint8Array }[] = []
  /** Content types of the records the client sent. */
  readonly records: { readonly type: string; readonly version: number; readonly length: number }[] = []
  readonly hellos: ClientHello[] = []
  /** What the client authenticated with, verified. */
  clientChain: readonly Uint8Array[] | undefined
  clientScheme: string | undefined
  /** The client's Finished was right. */
  finished = false
  closed = false
  readonly #script: ServerScript
  readonly #reader = new RecordReader()
  readonly #deframer = new HandshakeDeframer(2 ** 20)
  #pending: { name: ServerMessageName; bytes: Uint8Array }[] = []
  #suite!: CipherSuite
  #transcript!: Transcript
  #opener: Opener | undefined
  #sealer: Sealer | undefined
  #handshakeTraffic!: schedule.TrafficSecrets
  #traffic!: schedule.TrafficSecrets
  #resumptionMaster: Bytes | undefined
  /** The pre-shared key in use. */
  #psk: Bytes | undefined
  /** What stands before a second hello in its transcript. */
  #retried: Bytes | undefined

  constructor(script: ServerScript) {
    super()
    this.#script = script
  }

  get resumptionMaster(): Bytes {
    return this.#resumptionMaster!
  }

  /** Whether a session was resumed. */
  get resumed(): boolean {
    return this.#psk !== undefined
  }

  get suite(): CipherSuite {
    return this.#suite
  }

  async receive(chunk: Uint8Array): Promise<void> {
    this.#reader.push(chunk)
    for (
      let record = this.#reader.next(2 ** 14 + 256);
      record !== undefined;
      record = this.#reader.next(2 ** 14 + 256)
    ) {
      const protectedRecord = record.type === contentType.application_data
      const { type, content } =
        protectedRecord && this.#opener !== undefined
          ? await this.#opener.open(record)
          : { type: record.type, content: record.fragment }
      this.records.push({
        type: nameOf(contentType, type),
        version: (record.header[1]! << 8) | record.header[2]!,
        length: content.length,
      })
      if (type === contentType.alert) this.#alert(content, protectedRecord)
      else if (type === contentType.application_data) {
        must(this.finished, 'application data before Finished')
        this.data.push(content)
      } else if (type === contentType.handshake) {
        this.#deframer.push(content)
        for (let m = this.#deframer.next(); m !== undefined; m = this.#deframer.next()) await this.#message(m)
      } else must(content.length === 1 && content[0] === 1, 'change_cipher_spec')
    }
  }

  /** Protected application data, in as many records as it takes. */
  send(data: Uint8Array): void {
    for (let at = 0; at === 0 || at < data.length; at += 2 ** 14)
      this.record(contentType.application_data, data.subarray(at, at + 2 ** 14))
  }

  alert(name: AlertName, level?: number): void {
    const alert = writeAlert(name)
    if (level !== undefined) alert[0] = level
    this.record(contentType.alert, alert)
  }

  close(): void {
    this.alert('close_notify')
    this.closed = true
  }

  ticket(ticket: Partial<NewSessionTicket> = {}, extra: Extra = []): void {
    const whole: NewSessionTicket = {
      lifetime: 7200,
      ageAdd: 7,
      nonce: new Uint8Array([1]),
      ticket: new Uint8Array(32).fill(9),
      ...ticket,
    }
    const { hash } = this.#suite
    this.#script.tickets?.set(hex(whole.ticket), {
      psk: schedule.ticketPsk(hash, this.resumptionMaster, whole.nonce),
      hash: hash.name,
    })
    this.record(contentType.handshake, writeNewSessionTicket(whole, extra).bytes)
  }

  keyUpdate(request: KeyUpdateRequest = 'update_not_requested'): void {
    this.record(contentType.handshake, writeKeyUpdate(request).bytes)
    this.nextWriteKeys()
  }

  nextWriteKeys(): void {
    const server = schedule.nextTrafficSecret(this.#suite.hash, this.#traffic.server)
    this.#traffic = { ...this.#traffic, server }
    this.#sealer = new Sealer(this.#suite, server)
  }

  /** One record, protected once there are keys; the content may be too long and the padding absurd. */
  record(type: number, content: Uint8Array, padding: number = this.#script.padding ?? 0): void {
    if (this.#sealer === undefined) {
      this.plain(type, content)
      return
    }
    // The sealer appends the type; for padding the type is put here and a zero takes its place.
    const inner =
      padding === 0 ? content : concat(content, [type] as unknown as Uint8Array, new Uint8Array(padding - 1))
    const out = new Uint8Array(inner.length + 22)
    const later = this.#sealer.seal(padding === 0 ? type : 0, inner, out, 0)
    must(later === undefined, 'the scripted server wants a synchronous provider')
    this.out.push(out)
  }

  /** A record without protection, whatever the state. */
  plain(type: number, content: Uint8Array, version: number = TLS12): void {
    const out = new Uint8Array(content.length + 5)
    writeHeader(out, 0, type, content.length, version)
    out.set(content, 5)
    this.out.push(out)
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.out.push(bytes)
  }

  async #message(message: HandshakeMessage): Promise<void> {
    this.seen.push({ name: nameOf(handshakeType, message.type), bytes: message.bytes })
    switch (message.type) {
      case handshakeType.client_hello:
        await this.#hello(message)
        break
      case handshakeType.certificate: {
        const { chain, context } = readCertificate(message).value
        must(context.length === 0, 'certificate_request_context')
        this.clientChain = chain
        this.#transcript.add(message)
        break
      }
      case handshakeType.certificate_verify:
        await this.#certificateVerify(message)
        break
      case handshakeType.finished:
        this.#finished(message)
        break
      case handshakeType.key_update: {
        const request = readKeyUpdate(message).value
        const client = schedule.nextTrafficSecret(this.#suite.hash, this.#traffic.client)
        this.#traffic = { ...this.#traffic, client }
        this.#opener = new Opener(this.#suite, client)
        if (request === 'update_requested') this.keyUpdate()
        break
      }
      default:
        must(false, nameOf(handshakeType, message.type))
    }
  }

  async #hello(message: HandshakeMessage): Promise<void> {
    const { crypto, retry, suite: suiteId } = this.#script
    const hello = readClientHello(message).value
    const [first] = this.hellos
    this.hellos.push(hello)
    if (first === undefined) {
      this.#suite = crypto.suites.find(({ id }) =>
        suiteId === undefined ? hello.suites.includes(id) : id === suiteId,
      )!
      this.#checkPsk(hello, message.bytes)
      this.#transcript = new Transcript(this.#suite.hash, message)
    } else {
      this.#checkPsk(hello, message.bytes, this.#retried)
      this.#transcript.add(message)
      must(
        equal(first.random, hello.random) && equal(first.sessionId, hello.sessionId),
        'second hello differs',
      )
    }
    if (first === undefined && retry !== undefined) {
      this.#transcript.retry()
      const said = this.#say('hello_retry_request', () =>
        writeServerHello(
          this.#fields(hello, { random: retryRandom, group: retry.group, cookie: retry.cookie }),
          this.#script.serverHelloExtra,
        ),
      )
      const first = messageHash(this.#suite.hash.digest(message.bytes))
      this.#retried = concat(first, ...said.map(({ bytes }) => bytes))
      if (this.#script.compatible !== false) this.plain(contentType.change_cipher_spec, new Uint8Array([1]))
      this.#flushMessages()
      return
    }
    if (first !== undefined && retry !== undefined) {
      must(
        retry.cookie === undefined || (hello.cookie !== undefined && equal(hello.cookie, retry.cookie)),
        'cookie',
      )
      must(
        retry.group === undefined ||
          (hello.keyShares.length === 1 && hello.keyShares[0]!.group === retry.group),
        'share',
      )
    }
    await this.#answer(hello)
  }

  /** RFC 8446 §4.2.11.2: finds the pre-shared key, and is strict about its binder. */
  #checkPsk(
    { psk: offered, pskModes }: ClientHello,
    bytes: Uint8Array,
    before: Uint8Array = new Uint8Array(0),
  ): void {
    this.#psk = undefined
    if (offered === undefined) return
    must(pskModes?.includes(1) === true, 'a pre-shared key without its modes')
    const state = this.#script.tickets?.get(hex(offered.identity))
    const { hash } = this.#suite
    if (state === undefined || state.hash !== hash.name) return
    const end = bytes.length - hash.length
    const early = schedule.earlySecret(hash, state.psk)
    const key = hkdfExpandLabel(hash, early, 'res binder', hash.digest(new Uint8Array(0)), hash.length)
    const transcript = hash.digest(concat(before, bytes.subarray(0, end - 3)))
    must(equal(bytes.subarray(end), schedule.finishedMac(hash, key, transcript)), 'binder')
    this.#psk = state.psk
  }

  async #answer(hello: ClientHello): Promise<void> {
    const { crypto, chain, request, alpn, encapsulate = {} } = this.#script
    const groups = crypto.groups.filter((each) => !isPostQuantum(each) || each.id in encapsulate)
    const share = hello.keyShares.find((entry) => groups.some(({ id }) => id === entry.group))!
    const group: Group = groups.find(({ id }) => id === share.group)!
    const made = encapsulate[group.id]?.(share.key)
    const pair = made && { publicKey: made.publicKey, derive: () => made.secret }
    const { publicKey, derive } = pair ?? (await group.generate())
    this.#say('server_hello', () =>
      writeServerHello(
        this.#fields(hello, {
          random: crypto.random(32),
          keyShare: { group: group.id, key: publicKey },
          ...(this.#psk && { selectedPsk: 0 }),
        }),
        this.#script.serverHelloExtra,
      ),
    )
    this.#flushMessages()
    if (this.#script.compatible !== false && hello.sessionId.length > 0 && this.#script.retry === undefined)
      this.plain(contentType.change_cipher_spec, new Uint8Array([1]))

    const { hash } = this.#suite
    const shared = await derive(share.key)
    if (this.#script.corruptSharedSecret === true) shared[0]! ^= 1
    const handshakeSecret = schedule.handshakeSecret(hash, schedule.earlySecret(hash, this.#psk), shared)
    this.#handshakeTraffic = schedule.handshakeTraffic(hash, handshakeSecret, this.#transcript.digest())
    this.#sealer = new Sealer(this.#suite, this.#handshakeTraffic.server)
    this.#opener = new Opener(this.#suite, this.#handshakeTraffic.client)

    this.#say('encrypted_extensions', () => writeEncryptedExtensions(alpn, this.#script.encryptedExtensions))
    if (request !== undefined && this.#psk === undefined)
      this.#say('certificate_request', () =>
        writeCertificateRequest({
          context: new Uint8Array(0),
          signatureSchemes: signatureSchemes.map(({ id }) => id),
          authorities: [],
          ...request,
        }),
      )
    if (this.#psk === undefined) {
      this.#say('certificate', () => writeCertificate(chain))
      const verify = await this.#sign()
      this.#say('certificate_verify', () => verify)
    }
    this.#say('finished', () =>
      writeFinished(schedule.finishedMac(hash, this.#handshakeTraffic.server, this.#transcript.digest())),
    )
    this.#flushMessages()
    const master = schedule.masterSecret(hash, handshakeSecret)
    this.#traffic = schedule.applicationTraffic(hash, master, this.#transcript.digest())
    this.#resumptionMaster = master
    this.#sealer = new Sealer(this.#suite, this.#traffic.server)
  }

  #fields(
    hello: ClientHello,
    own: Pick<HelloFields, 'random' | 'keyShare' | 'group' | 'cookie' | 'selectedPsk'>,
  ): HelloFields {
    const fields: HelloFields = {
      legacyVersion: TLS12,
      sessionId: hello.sessionId,
      suite: this.#suite.id,
      compression: 0,
      version: TLS13,
      ...own,
    }
    return this.#script.serverHello?.(fields) ?? fields
  }

  async #sign(): Promise<HandshakeMessage> {
    const { signer, scheme: wanted } = this.#script
    const fitting = signatureSchemes.find(({ handshake, fits }) => handshake && fits(signer.key))!
    const signature = await signer.sign(fitting.algorithm, signedContent('server', this.#transcript.digest()))
    return writeCertificateVerify({ scheme: wanted ?? fitting.id, signature })
  }

  /** Messages are made when they are said, and `edit` has its word before the transcript takes them. */
  #say(name: ServerMessageName, make: () => HandshakeMessage): readonly HandshakeMessage[] {
    const { edit, before, pack } = this.#script
    before?.(name, this)
    const message = make()
    const said = edit?.(name, message) ?? [message]
    for (const one of said) {
      this.#transcript.add(one)
      this.#pending.push({ name, bytes: one.bytes })
    }
    if (pack !== true) this.#flushMessages()
    return said
  }

  #flushMessages(): void {
    const content = concat(...this.#pending.map(({ bytes }) => bytes))
    this.#pending = []
    const size = this.#script.fragment ?? 2 ** 14
    for (let at = 0; at < content.length; at += size)
      this.record(contentType.handshake, content.subarray(at, at + size))
  }

  async #certificateVerify(message: HandshakeMessage): Promise<void> {
    const { scheme: id, signature } = readCertificateVerify(message).value
    const scheme = signatureSchemes.find((candidate) => candidate.id === id)!
    const { publicKey } = parseCertificate(this.clientChain![0]!)
    must(scheme.handshake && scheme.fits(publicKey.key), `client scheme ${scheme.name}`)
    const content = signedContent('client', this.#transcript.digest())
    must(
      await this.#script.crypto.verify(scheme.algorithm, publicKey, signature, content),
      'client signature',
    )
    this.clientScheme = scheme.name
    this.#transcript.add(message)
  }

  #finished(message: HandshakeMessage): void {
    const { hash } = this.#suite
    const expected = schedule.finishedMac(hash, this.#handshakeTraffic.client, this.#transcript.digest())
    must(hex(message.bytes.subarray(4)) === hex(expected), 'client Finished')
    must(
      this.clientChain === undefined || this.clientChain.length === 0 || this.clientScheme !== undefined,
      'no CertificateVerify',
    )
    must(
      this.#script.request === undefined || this.#psk !== undefined || this.clientChain !== undefined,
      'no Certificate',
    )
    this.#transcript.add(message)
    this.#resumptionMaster = schedule.resumptionMasterSecret(
      hash,
      this.#resumptionMaster!,
      this.#transcript.digest(),
    )
    this.#opener = new Opener(this.#suite, this.#traffic.client)
    this.finished = true
    if (this.#script.requireCertificate === true && this.clientChain?.length === 0)
      this.alert('certificate_required')
  }

  #alert(content: Uint8Array, encrypted: boolean): void {
    this.alerts.push({ ...readAlert(content), encrypted })
  }
}

function must(held: boolean, what: string): asserts held {
  if (!held) throw new Error(`scripted server: ${what}`)
}
