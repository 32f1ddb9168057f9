// The form of a row: what a client does, what it hears, and what the gateway tells, logs and counts.
import { type Bytes, concat } from '../../../src/bytes/index.js'
import type { AlertName, ErrorCode } from '../../../src/errors-node.js'
import type { HandshakeMessage } from '../../../src/tls/messages/message.js'
import type { ClientScript, ScriptedClient } from './client.js'
import type { ServiceEnd, World } from './stage.js'

export interface Fault<Script, Client> {
  readonly what: string
  readonly script?: Script | ((world: World) => Promise<Script>)
  /** Done once the client is open and was served a word. */
  readonly act?: (client: Client) => void
  /** None: the connection is closed without one. */
  readonly alert?: AlertName
  readonly code: ErrorCode
  /** How the connection to the service ends, where there is one. */
  readonly service?: ServiceEnd
  /** OpenSSL 3.5 passes over it, and serves. */
  readonly servedSince35?: true
}

export interface ClientFault extends Fault<ClientScript, ScriptedClient> {
  /** The alert comes before there are keys. */
  readonly clear?: true
}

/** Replace what is sent under a name. */
export function edit<Name extends string>(
  name: Name,
  change: (message: HandshakeMessage) => readonly HandshakeMessage[],
): { readonly edit: (said: string, message: HandshakeMessage) => readonly HandshakeMessage[] } {
  return { edit: (said, message) => (said === name ? change(message) : [message]) }
}

/** Change bytes of a message, in a copy. */
export function bend<Name extends string>(name: Name, change: (bytes: Bytes) => Uint8Array | undefined) {
  return edit(name, ({ type, bytes }) => {
    const copy = new Uint8Array(bytes)
    return [{ type, bytes: change(copy) ?? copy }]
  })
}

/** A message of a type, with a body. */
export function made(type: number, body: Uint8Array = new Uint8Array(0)): HandshakeMessage {
  const { length } = body
  return { type, bytes: concat(Uint8Array.of(type, length >> 16, length >> 8, length), body) }
}

/** The length of a message made to fit its bytes. */
export function fitted(bytes: Bytes): Bytes {
  const length = bytes.length - 4
  bytes.set([length >> 16, (length >> 8) & 255, length & 255], 1)
  return bytes
}

/** One byte more at the end, and the length to match. */
export function trailing(bytes: Bytes): Bytes {
  return fitted(concat(bytes, new Uint8Array(1)))
}

export function times(count: number, act: (i: number) => void): void {
  for (let i = 0; i < count; i++) act(i)
}
