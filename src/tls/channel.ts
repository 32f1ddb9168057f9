// What a handshake function may do to the world: ask for the next message, send one, change keys. The layer provides it;
// the handshake sees no records, no sink and no bytes of anything but messages.
import type { CipherSuite } from '../crypto/provider.js'
import { failure } from '../errors.js'
import type { MaybePromise } from '../layer.js'
import type { TraceEvent } from '../trace.js'
import type { ClientCertificateState } from './alerts.js'
import type { HandshakeMessage, Parsed, WrittenMessage } from './messages/message.js'
import type { Proofs } from './proofs.js'
import type { RecordOpener, RecordSealer } from './protection.js'
import { type HandshakeName, handshakeType, nameOf } from './registry.js'
import type { TrafficSecrets } from './schedule.js'

export interface Channel {
  /** The next handshake message of the peer, whatever it is. */
  next(): Promise<HandshakeMessage>
  /** Queue a handshake message. `version` is the record's legacy_record_version, 0x0303 unless told. */
  send(message: WrittenMessage, version?: number): void
  /** Queue the dummy record of middlebox compatibility mode. */
  sendChangeCipherSpec(): void
  /** Send what is queued. */
  flush(): MaybePromise<void>
  /** Work that goes on while the handshake asks for more: if it fails, so does the connection. */
  hold(work: Promise<unknown>): void
  /** Insist that no byte of another message has come: RFC 8446 §5.1. */
  requireBoundary(): void
  /** RFC 8449: bytes of content in a record we send, and of the fragment of one we are sent, once protected. */
  limitRecords(limits: { readonly send: number; readonly receive: number }): void
  /** Both directions under handshake keys from here on. */
  openHandshake(suite: CipherSuite, secrets: TrafficSecrets): void
  /** Application keys for reading; nobody without all three proofs gets here. */
  openReading(proofs: Proofs, suite: CipherSuite, secret: Uint8Array): void
  /** Application keys for writing, after our Finished. */
  openWriting(proofs: Proofs, suite: CipherSuite, secret: Uint8Array): void
  /** TLS 1.2 from here on: change_cipher_spec takes its place among the messages, warnings end nothing. */
  useTls12(): void
  /** TLS 1.2: what comes after the peer's change_cipher_spec; opens nothing, there is no data before the handshake is over. */
  openReading12(opener: RecordOpener): void
  /** TLS 1.2: what comes after our change_cipher_spec. */
  openWriting12(sealer: RecordSealer): void
  /** So that an alert about certificates can be understood. */
  setClientCertificate(state: ClientCertificateState): void
  trace(event: TraceEvent): void
}

/** The next message, if it is one of these. */
export async function expect(
  channel: Channel,
  ...names: readonly HandshakeName[]
): Promise<HandshakeMessage> {
  const message = await channel.next()
  // RFC 8446 §4: a message in the wrong order MUST be answered with unexpected_message.
  if (!names.some((name) => handshakeType[name] === message.type))
    throw failure(
      'ERR_TLS_UNEXPECTED_MESSAGE',
      `${nameOf(handshakeType, message.type)} instead of ${names.join(' or ')}`,
    )
  return message
}

/** The value of a message, shown to whoever watches. */
export function observe<T>(
  trace: (event: TraceEvent) => void,
  { type, bytes }: HandshakeMessage,
  { value, spans }: Parsed<T>,
): T {
  traceMessage(trace, 'received', { type, bytes, spans })
  return value
}

export function traceMessage(
  trace: (event: TraceEvent) => void,
  direction: 'sent' | 'received',
  { type, bytes, spans }: WrittenMessage,
): void {
  trace({ type: 'message', direction, name: nameOf(handshakeType, type), bytes, spans })
}
