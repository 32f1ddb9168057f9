// The TLS client as a layer: records in and out, alerts, the life of the connection. What a handshake means is in
// handshake13 and handshake12, what comes after it in post and post12; here bytes find their way to them. RFC 8446 §5, §6,
// RFC 5246 §6, §7.
import { type AlertName, alertFor, asTunnelError, failure, type TunnelError } from '../errors.js'
import type { Layer, MaybePromise, Sink } from '../layer.js'
import type { TraceEvent } from '../trace.js'
import {
  alertError,
  type ClientCertificateState,
  type ReceivedAlertName,
  readAlert,
  WARNING,
  writeAlert,
} from './alerts.js'
import { type Channel, traceMessage } from './channel.js'
import { HandshakeDeframer } from './deframe.js'
import { Exchange } from './exchange.js'
import { handshake } from './handshake.js'
import type { Established12 } from './handshake12.js'
import type { Established } from './handshake13.js'
import { Incoming } from './incoming.js'
import { isPromise, whenReady } from './maybe-promise.js'
import type { KeyUpdateRequest } from './messages/key-update.js'
import { configure, type TlsClientOptions, type TlsConfig, type TlsInfo } from './options.js'
import { Outgoing } from './outgoing.js'
import { type Post, PostHandshake } from './post.js'
import { type Content, Opener, Sealer } from './protection.js'
import { HEADER_LENGTH } from './record.js'
import { contentType, handshakeType, nameOf } from './registry.js'

/**
 * A TLS 1.3 and 1.2 client. Opens after the handshake with a `TlsInfo`; `end` sends close_notify and reading goes on. Options
 * that contradict each other raise ERR_TLS_CONFIG here, before anything is sent.
 */
export function tlsClient(options: TlsClientOptions): TlsLayer {
  const config = configure(options)
  return new TlsClient(config, (channel) => handshake(config, channel))
}

/** What TLS has beside what every layer has. */
export interface TlsLayer extends Layer<TlsInfo> {
  /**
   * Change the sending key, and ask the peer to change its own if told. Happens by itself before a key's limit. TLS 1.2
   * has no such thing: there it ends the connection with ERR_TLS_KEY_LIMIT.
   */
  updateKeys(request?: KeyUpdateRequest): MaybePromise<void>
}

/** The layer around any handshake: vectors bring one that starts from a given ClientHello. */
export class TlsClient implements TlsLayer {
  readonly name = 'tls'
  readonly #config: TlsConfig
  readonly #begin: (channel: Channel) => Promise<Established | Established12>
  readonly #deframer: HandshakeDeframer
  readonly #exchange = new Exchange()
  readonly #incoming: Incoming
  readonly #outgoing: Outgoing
  #sink: Sink<TlsInfo> | undefined
  /** Undefined when nobody watches. */
  #trace: ((event: TraceEvent) => void) | undefined
  /** Set once the handshake is over. */
  #post: Post | undefined
  #tls12 = false
  /** A change_cipher_spec that came before anybody knew of which version. */
  #earlyChange = false
  #clientCertificate: ClientCertificateState = 'not requested'
  #readClosed = false
  #writeClosed = false
  #dead: TunnelError | undefined
  #emptyRecords = 0
  #warnings = 0

  constructor(config: TlsConfig, begin: (channel: Channel) => Promise<Established | Established12>) {
    this.#config = config
    this.#begin = begin
    this.#deframer = new HandshakeDeframer(config.limits.handshakeMessage)
    this.#incoming = new Incoming({
      handle: (content, length) => this.#handle(content, length),
      more: () => this.#sink!.more?.(),
      isOpen: () => this.#post !== undefined,
    })
    this.#outgoing = new Outgoing({
      down: (chunk) => this.#sink!.down(chunk),
      trace: () => this.#trace,
      renewKey: () => this.#post!.updateWriting('update_not_requested'),
    })
  }

  start(sink: Sink<TlsInfo>): MaybePromise<void> {
    this.#sink = sink
    this.#trace = sink.unwatched ? undefined : (event) => sink.trace(event)
    this.#deframer.unwatched = sink.unwatched === true
    return this.#guard(() => {
      this.#exchange.run(this.#begin(this.#channel()).then((established) => this.#open(established)))
      return this.#exchange.idle()
    })
  }

  receive(chunk: Uint8Array): MaybePromise<void> {
    // RFC 8446 §6.1: data after a closure alert MUST be ignored.
    if (this.#readClosed || this.#dead !== undefined) return
    this.#incoming.push(chunk)
    try {
      return this.#guarded(
        // Until the first message is asked for there is nothing to compare with what came.
        this.#post === undefined
          ? this.#exchange
              .idle()
              .then(() => this.#incoming.pump())
              .then(() => this.#exchange.settled())
          : this.#incoming.pump(),
      )
    } catch (error) {
      return this.#fail(error)
    }
  }

  eof(cause: TunnelError | undefined): MaybePromise<void> {
    if (this.#readClosed || this.#dead !== undefined) return
    // RFC 8446 §6.1: an end without close_notify is a truncation. No alert: nobody is there to read it.
    throw this.#die(
      this.#post === undefined
        ? (cause ?? failure('ERR_TLS_HANDSHAKE_EOF'))
        : failure('ERR_TLS_TRUNCATED', undefined, { cause }),
    )
  }

  send(chunk: Uint8Array): MaybePromise<void> {
    if (this.#dead !== undefined) throw this.#dead
    if (this.#writeClosed || this.#post === undefined) throw failure('ERR_STREAM_CLOSED')
    try {
      return this.#guarded(this.#outgoing.send(chunk))
    } catch (error) {
      return this.#fail(error)
    }
  }

  end(): MaybePromise<void> {
    if (this.#writeClosed || this.#dead !== undefined) return
    const sink = this.#sink!
    return this.#guard(() => {
      // RFC 8446 §6.1: user_canceled says that it was no fault; close_notify still follows.
      if (this.#post === undefined) this.#queueAlert('user_canceled')
      // RFC 8446 §4.6.3 allows silence here, but JSSE at its key limit takes an unanswered request for a fault.
      else if (this.#outgoing.owesUpdate) this.#post.updateWriting('update_not_requested')
      this.#queueAlert('close_notify')
      this.#writeClosed = true
      sink.trace({ type: 'state', state: 'half-closed' })
      return whenReady(this.#outgoing.flush(), () => {
        if (this.#readClosed || this.#post === undefined) sink.finish()
      })
    })
  }

  /** RFC 8446 §4.6.3: go on with a new sending key now. On the lane of `send`. */
  updateKeys(request: KeyUpdateRequest = 'update_not_requested'): MaybePromise<void> {
    if (this.#dead !== undefined) throw this.#dead
    if (this.#writeClosed || this.#post === undefined) throw failure('ERR_STREAM_CLOSED')
    const post = this.#post
    return this.#guard(() => {
      post.updateWriting(request)
      return this.#outgoing.flush()
    })
  }

  #open(established: Established | Established12): void {
    this.#post =
      'traffic' in established
        ? new PostHandshake(this.#config, established, {
            outgoing: this.#outgoing,
            read: (opener) => this.#incoming.protect(opener),
            requireBoundary: () => this.#requireBoundary(),
            trace: this.#trace ?? unwatched,
          })
        : established.post
    this.#sink!.open(established.info)
  }

  #channel(): Channel {
    const outgoing = this.#outgoing
    const incoming = this.#incoming
    const trace = this.#trace ?? unwatched
    return {
      trace,
      next: () => this.#exchange.next(),
      hold: (work) => this.#exchange.hold(work),
      send: (message, version) => {
        outgoing.queue(contentType.handshake, message.bytes, version)
        traceMessage(trace, 'sent', message)
      },
      sendChangeCipherSpec: () => outgoing.queue(contentType.change_cipher_spec, new Uint8Array([1])),
      flush: () => outgoing.flush(),
      requireBoundary: () => this.#requireBoundary(),
      limitRecords({ send, receive }) {
        outgoing.limit(send)
        incoming.limit(receive)
      },
      openHandshake: (suite, { client, server }) => {
        this.#incoming.protect(new Opener(suite, server))
        outgoing.protect(new Sealer(suite, client))
      },
      openReading: (_proofs, suite, secret) => this.#incoming.protect(new Opener(suite, secret)),
      openWriting: (_proofs, suite, secret) => outgoing.protect(new Sealer(suite, secret)),
      useTls12: () => {
        this.#tls12 = true
        // RFC 5246 §7.1: the peer sends it right before its Finished.
        if (this.#earlyChange) throw failure('ERR_TLS_UNEXPECTED_MESSAGE', 'an early change_cipher_spec')
      },
      openReading12: (opener) => incoming.protect(opener),
      openWriting12: (sealer) => outgoing.protect(sealer),
      setClientCertificate: (state) => {
        this.#clientCertificate = state
      },
    }
  }

  #handle({ type, content }: Content, length: number): MaybePromise<void> {
    this.#trace?.({
      type: 'record',
      direction: 'received',
      contentType: nameOf(contentType, type),
      length: length + HEADER_LENGTH,
      encrypted: this.#incoming.isProtected && type !== contentType.change_cipher_spec,
    })
    // RFC 8446 §5.1: no other record may come between the parts of a handshake message. An alert still says more.
    if (this.#deframer.waiting > 0 && type !== contentType.handshake && type !== contentType.alert)
      throw failure('ERR_TLS_UNEXPECTED_MESSAGE', 'a record inside a handshake message')
    switch (type) {
      case contentType.application_data:
        return this.#applicationData(content)
      case contentType.handshake:
        this.#emptyRecords = 0
        this.#deframer.push(content)
        return this.#messages()
      case contentType.alert:
        return this.#alert(content)
      default:
        return this.#changeCipherSpec(content)
    }
  }

  #applicationData(content: Uint8Array): void {
    if (this.#post === undefined)
      throw failure('ERR_TLS_UNEXPECTED_MESSAGE', 'application data before the handshake is over')
    if (content.length === 0) {
      this.#countEmpty()
      return
    }
    this.#emptyRecords = 0
    this.#post.dataArrived()
    this.#sink!.up(content)
  }

  #messages(): MaybePromise<void> {
    for (;;) {
      const message = this.#deframer.next()
      if (message === undefined) return
      if (this.#post === undefined) return this.#exchange.deliver(message).then(() => this.#messages())
      this.#post.receive(message)
      const under = this.#outgoing.flush()
      if (under !== undefined) return under.then(() => this.#messages())
    }
  }

  #changeCipherSpec(content: Uint8Array): MaybePromise<void> {
    // RFC 8446 §5, RFC 5246 §7.1: only the single byte 1, and only until the peer's Finished.
    if (this.#post !== undefined || content.length !== 1 || content[0] !== 1)
      throw failure('ERR_TLS_UNEXPECTED_MESSAGE', 'change_cipher_spec')
    if (this.#tls12) return this.#exchange.deliver({ type: handshakeType.change_cipher_spec, bytes: content })
    this.#earlyChange = true
    this.#countEmpty()
  }

  #countEmpty(): void {
    if (++this.#emptyRecords > this.#config.limits.emptyRecords)
      throw failure('ERR_TLS_LIMIT', 'empty records')
  }

  #alert(content: Uint8Array): MaybePromise<void> {
    const { name, level } = readAlert(content)
    const sink = this.#sink!
    const negotiated = this.#incoming.isProtected
    // RFC 8446 §6.1, §6.2: levels mean nothing any more, except to servers that warn of a name before they chose a version.
    // RFC 5246 §7.2.2: in TLS 1.2 a warning is one.
    const tolerated =
      name === 'user_canceled' ||
      (level === WARNING &&
        (this.#tls12 ? name !== 'close_notify' : name === 'unrecognized_name' && !negotiated))
    sink.trace({
      type: 'alert',
      direction: 'received',
      alert: name,
      fatal: !tolerated && name !== 'close_notify',
    })
    if (tolerated) {
      if (++this.#warnings > this.#config.limits.warnings) throw failure('ERR_TLS_LIMIT', 'warning alerts')
      return
    }
    if (name === 'close_notify') return this.#closeNotify()
    const error = this.#alertError(name)
    this.#post?.failed()
    // An error alert that calls itself a warning is not one this protocol has; it ends the connection all the same.
    if (level === WARNING && negotiated) return this.#endWith(error, 'decode_error')
    throw this.#die(error)
  }

  #closeNotify(): MaybePromise<void> {
    if (this.#post === undefined) throw this.#die(failure('ERR_TLS_HANDSHAKE_EOF', 'close_notify'))
    const sink = this.#sink!
    this.#readClosed = true
    this.#incoming.close()
    sink.eof()
    if (this.#writeClosed) sink.finish()
    // RFC 5246 §7.2.1: the other party MUST respond with a close_notify of its own; there is no half-close.
    else if (this.#tls12) return this.end()
  }

  #alertError(name: ReceivedAlertName): TunnelError {
    return alertError(name, this.#clientCertificate)
  }

  #requireBoundary(): void {
    // RFC 8446 §5.1: handshake messages MUST NOT span key changes.
    if (this.#deframer.waiting > 0) throw failure('ERR_TLS_UNEXPECTED_MESSAGE', 'data before a key change')
  }

  #queueAlert(alert: AlertName): void {
    this.#outgoing.queue(contentType.alert, writeAlert(alert))
    const fatal = alert !== 'close_notify' && alert !== 'user_canceled'
    this.#sink!.trace({ type: 'alert', direction: 'sent', alert, fatal })
  }

  /** Failing is throwing, but the peer hears why first. */
  #guard(run: () => MaybePromise<void>): MaybePromise<void> {
    try {
      return this.#guarded(run())
    } catch (error) {
      return this.#fail(error)
    }
  }

  #guarded(result: MaybePromise<void>): MaybePromise<void> {
    return isPromise(result) ? result.catch((error) => this.#fail(error)) : result
  }

  #fail(thrown: unknown): MaybePromise<never> {
    if (this.#dead !== undefined) throw this.#dead
    const error = asTunnelError(thrown)
    return this.#endWith(error, alertFor(error))
  }

  /** RFC 8446 §6.2: send the alert, then end. After our close_notify there is nothing left to say. */
  #endWith(error: TunnelError, alert: AlertName): MaybePromise<never> {
    this.#dead = error
    const last = () => {
      throw this.#die(error)
    }
    this.#post?.failed()
    if (this.#writeClosed) return last()
    this.#writeClosed = true
    try {
      this.#queueAlert(alert)
      const under = this.#outgoing.flush()
      return under === undefined ? last() : under.then(last, last)
    } catch {
      return last()
    }
  }

  #die(error: TunnelError): TunnelError {
    this.#dead = error
    this.#outgoing.close()
    return error
  }
}

/** Where events go that nobody wants. */
function unwatched(_event: TraceEvent): void {}
