// Handshake messages of TLS 1.3 and 1.2, changed before they are signed, hashed and encrypted, so that the change reaches past
// the MAC: the scripted servers take what is sent into their transcript.
import fc from 'fast-check'
import { equal, latin1 } from '../../../src/bytes/index.js'
import { alertFor, TunnelError } from '../../../src/errors.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { memorySessionStore } from '../../../src/tls/index.js'
import type { HandshakeMessage } from '../../../src/tls/messages/message.js'
import { type Conversation, createWorld, type SeenAlert } from '../../support/tls-server/index.js'
import { applied, type Edit, edits } from '../bytes.js'
import { must, named, type Target, target } from '../target.js'
import { silent } from '../tls-alerts.js'

interface Change {
  readonly message: string
  readonly edits: readonly Edit[]
  /** Make the length in the header fit, so that the parser behind it is reached. */
  readonly framed: boolean
  /** How often it is sent; 0 leaves it out. */
  readonly times: number
}

interface Handshake {
  readonly changes: readonly Change[]
  readonly request: boolean
  readonly retry: boolean
  readonly alpn: boolean
  readonly pack: boolean
  readonly fragment: number
  readonly chunk: number
  readonly identity: boolean
  readonly session: boolean
}

// biome-ignore format: a list
const messages13 = ['server_hello', 'hello_retry_request', 'encrypted_extensions', 'certificate_request', 'certificate', 'certificate_verify', 'finished', 'new_session_ticket']
// biome-ignore format: a list
const messages12 = ['server_hello', 'certificate', 'server_key_exchange', 'certificate_request', 'server_hello_done', 'new_session_ticket', 'finished']

function handshakes(messages: readonly string[]): fc.Arbitrary<Handshake> {
  return fc.record({
    changes: fc.array(
      fc.record({
        message: fc.constantFrom(...messages),
        edits,
        framed: fc.oneof(
          { weight: 6, arbitrary: fc.constant(true) },
          { weight: 1, arbitrary: fc.constant(false) },
        ),
        times: fc.oneof(
          { weight: 12, arbitrary: fc.constant(1) },
          { weight: 1, arbitrary: fc.constantFrom(0, 2, 3) },
        ),
      }),
      { maxLength: 3 },
    ),
    request: fc.boolean(),
    retry: fc.oneof(
      { weight: 3, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
    alpn: fc.boolean(),
    pack: fc.boolean(),
    fragment: fc.constantFrom(1 << 14, 1 << 14, 37, 1),
    chunk: fc.constantFrom(1 << 20, 1 << 20, 1000, 17),
    identity: fc.boolean(),
    session: fc.boolean(),
  })
}

/** A message that was changed and was not refused proves nothing, except for these: they prove the server. */
const proofs = new Set(['certificate', 'certificate_verify', 'server_key_exchange', 'finished'])

export const tls13Target: Target = target(
  'tls13-handshake',
  'TLS 1.3 messages, re-signed and re-encrypted',
  async () => {
    const world = await createWorld(nodeCrypto)
    const identity = await world.client()
    return {
      input: handshakes(messages13),
      async execute(input: Handshake) {
        const { edit, bent } = editor(input.changes, pieces(input).fragment)
        const meeting = await world.meet(
          {
            ...(input.alpn && { alpn: 'a' }),
            ...(input.request && { request: {} }),
            ...(input.retry && { retry: { group: 24, cookie: new Uint8Array(9) } }),
            pack: input.pack,
            fragment: pieces(input).fragment,
            edit,
          },
          {
            ...(input.alpn && { alpn: ['a'] }),
            // What is offered before the server speaks costs the most, and is not what is tried here.
            keyShares: ['X25519'],
            ...(input.identity && { identity }),
            ...(input.session && { session: memorySessionStore() }),
          },
          { chunk: pieces(input).chunk, tolerant: true },
        )
        await judge(meeting, meeting.server.alerts, bent())
        if (meeting.info === undefined || meeting.deaf !== undefined || meeting.error !== undefined) return
        meeting.server.ticket()
        meeting.server.send(latin1('down'))
        await meeting.settle()
        await meeting.send(latin1('up'))
        await meeting.settle()
        if (meeting.deaf !== undefined) return
        must(
          equal(meeting.read(), latin1('down')) && equal(meeting.server.read(), latin1('up')),
          'open, and data does not pass',
        )
      },
    }
  },
)

export const tls12Target: Target = target(
  'tls12-handshake',
  'TLS 1.2 messages, re-signed and re-encrypted',
  async () => {
    const world = await createWorld(nodeCrypto)
    const identity = await world.client()
    return {
      input: handshakes(messages12),
      async execute(input: Handshake) {
        const { edit, bent } = editor(input.changes, pieces(input).fragment)
        const session = memorySessionStore()
        const sessions = new Map<string, Uint8Array>()
        const meeting = await world.meet12(
          {
            ...(input.alpn && { alpn: 'a' }),
            ...(input.request && { request: {} }),
            ...(input.session && { ticket: latin1('ticket'), sessions }),
            pack: input.pack,
            fragment: pieces(input).fragment,
            edit,
          },
          {
            ...(input.alpn && { alpn: ['a'] }),
            // What is offered before the server speaks costs the most, and is not what is tried here.
            keyShares: ['X25519'],
            ...(input.identity && { identity }),
            ...(input.session && { session }),
          },
          { chunk: pieces(input).chunk, tolerant: true },
        )
        await judge(meeting, meeting.server.alerts, bent())
        if (!input.session || meeting.error !== undefined || meeting.deaf !== undefined) return
        // What was remembered of a strange handshake must do no harm either.
        const again = await world.meet12(
          { sessions, ...(input.alpn && { alpn: 'a' }) },
          { session, ...(input.alpn && { alpn: ['a'] }) },
          { tolerant: true },
        )
        await judge(again, again.server.alerts, new Set())
      },
    }
  },
)

/** Messages of tens of kilobytes travel in large pieces: by the byte they take their time and find nothing more. */
function pieces({ changes, fragment, chunk }: Handshake): Pick<Handshake, 'fragment' | 'chunk'> {
  const large = changes.some((change) => change.edits.some(({ length }) => length > 200))
  return large ? { fragment: 1 << 14, chunk: 1 << 20 } : { fragment, chunk }
}

/** `fragment`: how long pieces of messages in records are. */
function editor(changes: readonly Change[], fragment: number) {
  const bent = new Set<string>()
  return {
    bent: () => bent,
    edit(name: string, message: HandshakeMessage): HandshakeMessage[] {
      let bytes: Uint8Array = message.bytes
      let times = 1
      for (const change of changes) {
        if (change.message !== name) continue
        const changed = applied(bytes, change.edits)
        if (change.framed && changed.length >= 4) {
          const length = changed.length - 4
          changed.set([length >> 16, length >> 8, length & 255], 1)
        }
        bytes = changed
        times = change.times
      }
      if (!equal(bytes, message.bytes) && !isNext(name, message.bytes, bytes, fragment)) bent.add(name)
      return Array.from({ length: times }, () => ({ type: message.type, bytes: bytes.slice() }))
    },
  }
}

/**
 * Bytes behind Finished in a record of their own, unframed, are the beginning of another message, which may never be whole:
 * Finished itself is as it was. In one record with it they are refused (RFC 8446 §5.1).
 */
function isNext(name: string, before: Uint8Array, after: Uint8Array, fragment: number): boolean {
  return (
    name === 'finished' &&
    before.length % fragment === 0 &&
    after.length > before.length &&
    equal(after.subarray(0, before.length), before)
  )
}

async function judge(
  meeting: Conversation,
  alerts: readonly SeenAlert[],
  bent: ReadonlySet<string>,
): Promise<void> {
  const { error, info, deaf, told } = meeting
  must(Buffer.concat(meeting.sent).length < 64 * 1024, 'the client says more than 64 KiB')
  if (info !== undefined)
    for (const name of proofs) must(!bent.has(name), `open although ${name} was changed`)
  if (error !== undefined) {
    if (!(error instanceof TunnelError)) throw error
    named(error)
    must(/^ERR_(TLS|CERT)_/.test(error.code), `a handshake that ends with ${error.code}`)
    must(
      info === undefined || error.phase === 'stream' || told[0] === 'open',
      'an error of the handshake after it',
    )
    const alert = alertFor(error)
    if (deaf === undefined && !silent.test(error.code))
      must(alerts.at(-1)?.name === alert, `${error.code}, and the alert was ${alerts.at(-1)?.name}`)
    // What ended stays ended.
    const sent = meeting.sent.length
    await meeting.end()
    must(meeting.sent.length === sent, 'something was sent after the error')
  }
}
