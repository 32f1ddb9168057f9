// A TLS 1.2 server for tests, the sister of `ScriptedServer`: bytes in by `receive`, bytes out by `take`, misbehaviour at
// every step, strict checks of the client. Synchronous providers only.
import { type Bytes, concat, equal, hex, latin1 } from '../../../src/bytes/index.js'
import { isPostQuantum } from '../../../src/crypto/groups.js'
import type { CryptoProvider, KeyShare, Signer } from '../../../src/crypto/provider.js'
import type { AlertName } from '../../../src/errors.js'
import { parseCertificate } from '../../../src/pki/index.js'
import { readAlert, writeAlert } from '../../../src/tls/alerts.js'
import { HandshakeDeframer } from '../../../src/tls/deframe.js'
import {
  type CertificateRequest12,
  writeCertificateRequest12,
} from '../../../src/tls/messages/certificate-request12.js'
import { readCertificateVerify } from '../../../src/tls/messages/certificate-verify.js'
import { readCertificate12, writeCertificate12 } from '../../../src/tls/messages/certificate12.js'
import { type ClientHello, readClientHello } from '../../../src/tls/messages/client-hello.js'
import { readClientKeyExchange } from '../../../src/tls/messages/client-key-exchange.js'
import { readFinished, writeFinished } from '../../../src/tls/messages/finished.js'
import type { HandshakeMessage } from '../../../src/tls/messages/message.js'
import { writeNewSessionTicket12 } from '../../../src/tls/messages/new-session-ticket12.js'
import { type ServerHello, writeServerHello } from '../../../src/tls/messages/server-hello.js'
import { writeServerHelloDone } from '../../../src/tls/messages/server-hello-done.js'
import { ecdhParams, writeServerKeyExchange } from '../../../src/tls/messages/server-key-exchange.js'
import { Opener12, Sealer12 } from '../../../src/tls/protection12.js'
import { RecordReader, writeHeader } from '../../../src/tls/record.js'
import {
  contentType,
  extensionType,
  type HandshakeName,
  handshakeType,
  nameOf,
  signatureSchemes,
  TLS12,
} from '../../../src/tls/registry.js'
import { type CipherSuite12, cipherSuites12, schemeFits12, suiteFits12 } from '../../../src/tls/registry12.js'
import * as schedule from '../../../src/tls/schedule12.js'
import { Transcript } from '../../../src/tls/transcript.js'
import { ScriptedEnd } from '../scripted-end.js'
import type { Extra, SeenAlert } from './server.js'

type HelloFields = Omit<ServerHello, 'extensions'>

/** How the server behaves. Without the optional members it is an honest one. */
export interface ServerScript12 {
  readonly crypto: CryptoProvider
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[]
  readonly signer: Signer
  /** Cipher suite id; its first that was offered and fits the key by default. */
  readonly suite?: number
  /** Name of the key exchange group; its first that was offered by default. */
  readonly group?: string
  readonly alpn?: string
  /** Id of the scheme it signs with. */
  readonly scheme?: number
  /** Ask for a client certificate. */
  readonly request?: Partial<CertificateRequest12>
  /** Issue this ticket; empty for one it thought better of. */
  readonly ticket?: Uint8Array
  readonly ticketLifetime?: number
  /** Session id of a full handshake. */
  readonly sessionId?: Uint8Array
  /** Master secrets by ticket or session id, in hex: what it can resume, and puts its own sessions into. */
  readonly sessions?: Map<string, Uint8Array>
  readonly serverHello?: (fields: HelloFields) => HelloFields
  /** What the extensions of ServerHello become. */
  readonly extensions?: (honest: Extra) => Extra
  /** What the parameters become before they are signed. */
  readonly params?: (params: Bytes) => Bytes
  /** What is sent instead of a message. The transcript takes what is sent. */
  readonly edit?: (name: HandshakeName, message: HandshakeMessage) => readonly HandshakeMessage[]
  /** Called before a message is sent, to slip something in. */
  readonly before?: (name: HandshakeName, server: ScriptedServer12) => void
  /** Contents of its change_cipher_spec records: one with a 1 by default. */
  readonly changeCipherSpec?: readonly Uint8Array[]
  /** All messages of a flight in one run of records instead of a record each. */
  readonly pack?: boolean
  /** Bytes of content in a handshake record at most. */
  readonly fragment?: number
  /** A wrong master secret. */
  readonly corruptMaster?: boolean
}

export class ScriptedServer12 extends ScriptedEnd {
  readonly alerts: SeenAlert[] = []
  /** Names of handshake messages and of change_cipher_spec, as the client sent them. */
  readonly seen: string[] = []
  readonly hellos: ClientHello[] = []
  clientChain: readonly Uint8Array[] | undefined
  clientScheme: string | undefined
  /** The client's Finished was right. */
  finished = false
  resumed = false
  closed = false
  readonly #script: ServerScript12
  readonly #reader = new RecordReader()
  readonly #deframer = new HandshakeDeframer(2 ** 20)
  readonly #messages: Uint8Array[] = []
  #pending: Uint8Array[] = []
  #suite!: CipherSuite12
  #transcript!: Transcript
  #randoms!: schedule.Randoms
  #share!: KeyShare
  #master!: Bytes
  #keys!: ReturnType<typeof schedule.recordKeys>
  #opener: Opener12 | undefined
  #sealer: Sealer12 | undefined

  constructor(script: ServerScript12) {
    super()
    this.#script = script
  }

  exportKeyingMaterial(label: string, context: Uint8Array | undefined, length: number): Bytes {
    return schedule.exportKeyingMaterial12(
      this.#suite.hash,
      this.#master,
      this.#randoms,
      label,
      context,
      length,
    )
  }

  async receive(chunk: Uint8Array): Promise<void> {
    this.#reader.push(chunk)
    for (let r = this.#reader.next(2 ** 14 + 256); r !== undefined; r = this.#reader.next(2 ** 14 + 256)) {
      const encrypted = this.#opener !== undefined
      const { type, content } =
        this.#opener === undefined ? { type: r.type, content: r.fragment } : await this.#opener.open(r)
      if (type === contentType.alert) this.alerts.push({ ...readAlert(content), encrypted })
      else if (type === contentType.application_data) {
        must(this.finished, 'application data before Finished')
        this.data.push(content)
      } else if (type === contentType.handshake) {
        this.#deframer.push(content)
        for (let m = this.#deframer.next(); m !== undefined; m = this.#deframer.next()) await this.#message(m)
      } else {
        must(content.length === 1 && content[0] === 1 && !encrypted, 'change_cipher_spec')
        this.seen.push('change_cipher_spec')
        this.#opener = new Opener12(this.#suite, this.#keys.client)
      }
    }
  }

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

  helloRequest(): void {
    this.record(contentType.handshake, new Uint8Array(4))
  }

  /** One record, protected once there are keys. */
  record(type: number, content: Uint8Array): void {
    if (this.#sealer === undefined) {
      this.plain(type, content)
      return
    }
    const out = new Uint8Array(content.length + this.#sealer.overhead)
    must(this.#sealer.seal(type, content, out, 0) === undefined, 'a synchronous provider')
    this.out.push(out)
  }

  plain(type: number, content: Uint8Array, version: number = TLS12): void {
    const out = new Uint8Array(content.length + 5)
    writeHeader(out, 0, type, content.length, version)
    out.set(content, 5)
    this.out.push(out)
  }

  raw(bytes: Uint8Array): void {
    this.out.push(bytes)
  }

  async #message(message: HandshakeMessage): Promise<void> {
    this.seen.push(nameOf(handshakeType, message.type))
    switch (message.type) {
      case handshakeType.client_hello:
        return this.#hello(message)
      case handshakeType.certificate:
        must(this.#script.request !== undefined, 'an uncalled-for Certificate')
        this.clientChain = readCertificate12(message).value
        this.#add(message)
        break
      case handshakeType.client_key_exchange: {
        this.#add(message)
        const premaster = await this.#share.derive(readClientKeyExchange(message).value)
        const { hash } = this.#suite
        this.#useMaster(schedule.extendedMasterSecret(hash, premaster, this.#transcript.digest()))
        break
      }
      case handshakeType.certificate_verify:
        return this.#certificateVerify(message)
      case handshakeType.finished:
        this.#clientFinished(message)
        break
      default:
        must(false, nameOf(handshakeType, message.type))
    }
  }

  async #hello(message: HandshakeMessage): Promise<void> {
    const { crypto, signer, sessions, ticket, alpn } = this.#script
    const hello = readClientHello(message).value
    this.hellos.push(hello)
    this.#suite = cipherSuites12(crypto).find((suite) =>
      this.#script.suite === undefined
        ? hello.suites.includes(suite.id) && suiteFits12(suite, signer.key)
        : suite.id === this.#script.suite,
    )!
    this.#transcript = new Transcript(this.#suite.hash, message)
    this.#messages.push(message.bytes)
    const known = sessions?.get(hex(hello.ticket?.length ? hello.ticket : hello.sessionId))
    this.resumed = known !== undefined
    const honest: Extra = [
      [extensionType.extended_master_secret, new Uint8Array(0)],
      [extensionType.renegotiation_info, new Uint8Array(1)],
      [extensionType.ec_point_formats, new Uint8Array([1, 0])],
      ...(hello.serverName === undefined ? [] : [[extensionType.server_name, new Uint8Array(0)] as const]),
      ...(ticket === undefined || hello.ticket === undefined
        ? []
        : [[extensionType.session_ticket, new Uint8Array(0)] as const]),
      ...(alpn === undefined
        ? []
        : [[extensionType.application_layer_protocol_negotiation, protocol(alpn)] as const]),
    ]
    const fields: HelloFields = {
      legacyVersion: TLS12,
      random: crypto.random(32),
      sessionId: this.resumed ? hello.sessionId : (this.#script.sessionId ?? new Uint8Array(0)),
      suite: this.#suite.id,
      compression: 0,
    }
    const said = this.#script.serverHello?.(fields) ?? fields
    this.#randoms = { client: hello.random, server: said.random }
    this.#say('server_hello', () => writeServerHello(said, this.#script.extensions?.(honest) ?? honest))
    if (known === undefined) await this.#flight(hello)
    else {
      this.#useMaster(known as Bytes)
      this.#finish(hello)
    }
  }

  async #flight(hello: ClientHello): Promise<void> {
    const { crypto, chain, signer, request } = this.#script
    this.#say('certificate', () => writeCertificate12(chain))
    const group = crypto.groups.find((each) =>
      this.#script.group === undefined
        ? hello.groups.includes(each.id) && !isPostQuantum(each)
        : each.name === this.#script.group,
    )!
    this.#share = await group.generate()
    const honest = ecdhParams({ group: group.id, key: this.#share.publicKey })
    const params = this.#script.params?.(honest) ?? honest
    const scheme = signatureSchemes.find((each) =>
      this.#script.scheme === undefined
        ? hello.signatureSchemes.includes(each.id) && schemeFits12(each, signer.key)
        : each.id === this.#script.scheme,
    )!
    const { client, server } = this.#randoms
    const signature = await signer.sign(scheme.algorithm, concat(client, server, params))
    this.#say('server_key_exchange', () => writeServerKeyExchange({ params, scheme: scheme.id, signature }))
    if (request !== undefined)
      this.#say('certificate_request', () =>
        writeCertificateRequest12({
          types: [1, 64],
          signatureSchemes: signatureSchemes.map(({ id }) => id),
          authorities: [],
          ...request,
        }),
      )
    this.#say('server_hello_done', writeServerHelloDone)
    this.#flushMessages()
  }

  #useMaster(master: Bytes): void {
    if (this.#script.corruptMaster === true) {
      master = master.slice()
      master[0]! ^= 1
    }
    this.#master = master
    this.#keys = schedule.recordKeys(this.#suite, master, this.#randoms)
  }

  /** NewSessionTicket, change_cipher_spec and Finished. */
  #finish(hello: ClientHello): void {
    const { ticket, sessionId, sessions, changeCipherSpec = [new Uint8Array([1])] } = this.#script
    if (ticket !== undefined && hello.ticket !== undefined)
      this.#say('new_session_ticket', () =>
        writeNewSessionTicket12({ lifetime: this.#script.ticketLifetime ?? 7200, ticket }),
      )
    this.#flushMessages()
    for (const id of [ticket, sessionId]) if (id?.length) sessions?.set(hex(id), this.#master)
    this.#script.before?.('change_cipher_spec', this)
    for (const content of changeCipherSpec) this.plain(contentType.change_cipher_spec, content)
    this.#sealer = new Sealer12(this.#suite, this.#keys.server)
    this.#say('finished', () =>
      writeFinished(schedule.verifyData(this.#suite.hash, this.#master, 'server', this.#transcript.digest())),
    )
    this.#flushMessages()
  }

  async #certificateVerify(message: HandshakeMessage): Promise<void> {
    const { scheme: id, signature } = readCertificateVerify(message).value
    const scheme = signatureSchemes.find((candidate) => candidate.id === id)!
    const { publicKey } = parseCertificate(this.clientChain![0]!)
    must(schemeFits12(scheme, publicKey.key), `client scheme ${scheme.name}`)
    must(
      await this.#script.crypto.verify(scheme.algorithm, publicKey, signature, concat(...this.#messages)),
      'client signature',
    )
    this.clientScheme = scheme.name
    this.#add(message)
  }

  #clientFinished(message: HandshakeMessage): void {
    must(this.#opener !== undefined, 'Finished in clear')
    const expected = schedule.verifyData(this.#suite.hash, this.#master, 'client', this.#transcript.digest())
    must(equal(readFinished(message).value, expected), 'client Finished')
    const { clientChain, clientScheme } = this
    must(!clientChain?.length || clientScheme !== undefined, 'no CertificateVerify')
    must(this.resumed || this.#script.request === undefined || clientChain !== undefined, 'no Certificate')
    this.#add(message)
    this.finished = true
    if (!this.resumed) this.#finish(this.hellos[0]!)
  }

  #say(name: HandshakeName, make: () => HandshakeMessage): void {
    const { edit, before, pack } = this.#script
    before?.(name, this)
    const message = make()
    for (const said of edit?.(name, message) ?? [message]) {
      this.#add(said)
      this.#pending.push(said.bytes)
    }
    if (pack !== true) this.#flushMessages()
  }

  #add(message: HandshakeMessage): void {
    this.#transcript.add(message)
    this.#messages.push(message.bytes)
  }

  #flushMessages(): void {
    const content = concat(...this.#pending)
    this.#pending = []
    const size = this.#script.fragment ?? 2 ** 14
    for (let at = 0; at < content.length; at += size)
      this.record(contentType.handshake, content.subarray(at, at + size))
  }
}

function protocol(name: string): Bytes {
  return new Uint8Array([0, name.length + 1, name.length, ...latin1(name)])
}

function must(held: boolean, what: string): asserts held {
  if (!held) throw new Error(`scripted server: ${what}`)
}
