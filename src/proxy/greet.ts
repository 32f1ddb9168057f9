// What is said with a client before its tunnel opens, by what the listener speaks: where it wants to go, that it may, and
// in the end whether it gets there. Every conversation is linear; parsers and answers are in the files of their protocols.
import { latin1, utf8 } from '../bytes/index.js'
import { failure, type TunnelError } from '../errors-node.js'
import type { Wire } from '../stream/index.js'
import * as http from './connect-request.js'
import type { HeldWire } from './held-wire.js'
import type { DirectListener, ListenerOptions, NamedListener, Target } from './options.js'
import { parseFirstPacket, unwilling } from './postgres.js'
import { refusalIn } from './refusals.js'
import { type Requested, targetFor } from './rules.js'
import * as socks from './socks5.js'

/** A client that said where to. */
export interface Greeted {
  readonly target: Target
  readonly requested?: Requested
  /** Said when the tunnel is open, before its first byte. */
  readonly welcome?: Uint8Array
}

/** How a client is refused, as far as the conversation has come; nothing before it has begun. */
export type Refuse = (error: TunnelError) => Uint8Array | undefined

export interface Conversation {
  greet(): Promise<Greeted>
  readonly refuse: Refuse
}

export function conversation(listener: ListenerOptions, held: HeldWire): Conversation {
  switch (listener.speaks) {
    case 'socks5':
      return socksConversation(listener, held)
    case 'connect':
      return connectConversation(listener, held)
    case 'postgres':
      return {
        greet: () => postgresGreeting(listener, held),
        refuse: (error) => refusalIn('postgres', error),
      }
    default:
      return {
        greet: async () => ({ target: listener.target }),
        refuse: (error) => refusalIn(listener.speaks, error),
      }
  }
}

async function say(wire: Wire, bytes: Uint8Array): Promise<void> {
  await wire.write([bytes])
}

async function postgresGreeting(listener: DirectListener, held: HeldWire): Promise<Greeted> {
  // Each kind of encryption may be asked for once.
  for (let asked = 0; asked < 3; asked++) {
    const kind = await held.take(parseFirstPacket)
    if (kind === 'startup' || kind === 'cancel') return { target: listener.target }
    await say(held.wire, unwilling)
  }
  throw failure('ERR_LOCAL_REQUEST', 'the client asks for encryption again and again')
}

function socksConversation(listener: NamedListener, held: HeldWire): Conversation {
  const { rules, credentials } = listener
  /** A refusal that is none of an error: `serve` says it, and waits until it is heard. */
  let refusal: Uint8Array | undefined
  let requested = false
  async function greet(): Promise<Greeted> {
    const methods = await held.take(socks.parseMethods)
    const wanted = credentials === undefined ? socks.method.none : socks.method.password
    if (!methods.includes(wanted)) {
      refusal = Uint8Array.of(5, socks.method.unacceptable)
      throw credentials === undefined
        ? failure('ERR_LOCAL_REQUEST', 'the client offers no method without authentication')
        : failure('ERR_LOCAL_AUTH', 'the client offers no user name and password')
    }
    await say(held.wire, Uint8Array.of(5, wanted))
    if (credentials !== undefined) {
      if (!(await held.take(socks.parsePassword(credentials)))) {
        // RFC 1929 §2: a status other than zero is a failure, after which the connection must be closed.
        refusal = Uint8Array.of(1, 1)
        throw failure('ERR_LOCAL_AUTH')
      }
      await say(held.wire, Uint8Array.of(1, 0))
    }
    requested = true
    const request = await held.take(socks.parseRequest)
    if ('refused' in request) {
      refusal = socks.replyBytes(request.refused)
      throw failure('ERR_LOCAL_REQUEST', request.why)
    }
    const target = targetFor(rules, request.requested)
    return { target, requested: request.requested, welcome: socks.replyBytes(socks.reply.succeeded) }
  }
  return {
    greet,
    refuse: (error) => refusal ?? (requested ? socks.replyBytes(socks.replyFor(error)) : undefined),
  }
}

function connectConversation(listener: NamedListener, held: HeldWire): Conversation {
  const { rules, credentials } = listener
  let status: number | undefined
  let requested: Requested | undefined
  async function greet(): Promise<Greeted> {
    const head = await held.take(http.parseConnect)
    if ('status' in head) {
      status = head.status
      throw http.requestFailure(head.status, head.why)
    }
    if (credentials !== undefined && !http.isAuthorized(head.request.authorization, credentials))
      throw http.requestFailure(407, 'the request has no right Proxy-Authorization')
    requested = head.request.requested
    const target = targetFor(rules, requested)
    return { target, requested, welcome: latin1(http.established) }
  }
  return {
    greet,
    refuse: (error) => utf8(http.refusal(status ?? http.statusFor(error), error, requested)),
  }
}
