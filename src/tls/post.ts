// After the handshake: tickets, key updates both ways, and the refusal of everything else. RFC 8446 §4.6.
import type { Hash } from '../crypto/provider.js'
import { failure } from '../errors.js'
import type { TraceEvent } from '../trace.js'
import { observe, traceMessage } from './channel.js'
import type { Established } from './handshake13.js'
import { type KeyUpdateRequest, readKeyUpdate, writeKeyUpdate } from './messages/key-update.js'
import type { HandshakeMessage } from './messages/message.js'
import { readNewSessionTicket } from './messages/new-session-ticket.js'
import type { TlsConfig } from './options.js'
import type { Outgoing } from './outgoing.js'
import { Opener, Sealer } from './protection.js'
import { contentType, handshakeType, nameOf } from './registry.js'
import { forget, nextTrafficSecret } from './schedule.js'

export interface PostPorts {
  readonly outgoing: Outgoing
  /** From the next record on, read with this. */
  read(opener: Opener): void
  /** Insist that no byte of another message has come: RFC 8446 §5.1. */
  requireBoundary(): void
  trace(event: TraceEvent): void
}

/** What happens after a handshake of any version. */
export type Post = Pick<PostHandshake, 'dataArrived' | 'receive' | 'updateWriting' | 'failed'>

export class PostHandshake {
  readonly #config: TlsConfig
  readonly #established: Established
  readonly #ports: PostPorts
  #readSecret: Uint8Array
  #writeSecret: Uint8Array
  #keyUpdates = 0
  #tickets = 0

  constructor(config: TlsConfig, established: Established, ports: PostPorts) {
    this.#config = config
    this.#established = established
    this.#ports = ports
    this.#readSecret = established.traffic.server
    this.#writeSecret = established.traffic.client
  }

  /** Application data came: what counts messages between data begins again. */
  dataArrived(): void {
    this.#keyUpdates = 0
    this.#tickets = 0
  }

  /** A handshake message after the handshake. */
  receive(message: HandshakeMessage): void {
    switch (message.type) {
      case handshakeType.new_session_ticket:
        this.#keepTicket(message)
        break
      case handshakeType.key_update:
        this.#updateReading(message)
        break
      case handshakeType.hello_request:
      case handshakeType.certificate_request:
        // RFC 8446 §4.6.2: unless post_handshake_auth was offered, which it never is.
        throw failure('ERR_TLS_RENEGOTIATION', nameOf(handshakeType, message.type))
      default:
        throw failure(
          'ERR_TLS_UNEXPECTED_MESSAGE',
          `${nameOf(handshakeType, message.type)} after the handshake`,
        )
    }
  }

  /** RFC 8446 §4.6.3: tell the peer, then use the next key for writing. Queues; the caller flushes. */
  updateWriting(request: KeyUpdateRequest): void {
    const { suite } = this.#established
    const { outgoing, trace } = this.#ports
    // A peer that only reads asks again for each stretch that we write: what it asked for so far is paid with this.
    this.#keyUpdates = 0
    const message = writeKeyUpdate(request)
    outgoing.queue(contentType.handshake, message.bytes)
    traceMessage(trace, 'sent', message)
    this.#writeSecret = successor(suite.hash, this.#writeSecret)
    outgoing.protect(new Sealer(suite, this.#writeSecret))
  }

  /** The connection ended with a fatal alert. RFC 8446 §6.2 excepts what tickets stand for from what is to be forgotten. */
  failed(): void {}

  #keepTicket(message: HandshakeMessage): void {
    const { limits } = this.#config
    const ticket = observe(this.#ports.trace, message, readNewSessionTicket(message))
    if (++this.#tickets > limits.tickets) throw failure('ERR_TLS_LIMIT', 'tickets')
    // RFC 8446 §4.6.1: a lifetime of zero means to discard it at once.
    if (ticket.lifetime > 0) this.#established.keepTicket?.(ticket, this.#established)
  }

  #updateReading(message: HandshakeMessage): void {
    const { suite } = this.#established
    const request = observe(this.#ports.trace, message, readKeyUpdate(message))
    // RFC 8446 §5.1: a message right before a key change MUST end its record.
    this.#ports.requireBoundary()
    if (++this.#keyUpdates > this.#config.limits.keyUpdates) throw failure('ERR_TLS_LIMIT', 'key updates')
    this.#readSecret = successor(suite.hash, this.#readSecret)
    this.#ports.read(new Opener(suite, this.#readSecret))
    // RFC 8446 §4.6.3: the answer MUST precede our next application data; one answer serves all requests until then.
    if (request === 'update_requested') this.#ports.outgoing.oweUpdate()
  }
}

/** RFC 8446 §7.2: secret N and its keys SHOULD be deleted once those of N + 1 are there. */
function successor(hash: Hash, secret: Uint8Array): Uint8Array {
  const next = nextTrafficSecret(hash, secret)
  forget(secret)
  return next
}
