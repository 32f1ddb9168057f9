// One local client from its first byte to its last, top to bottom: conversation, dial, bytes both ways. A
// client that goes away ends its dial; a dial that fails is told in the client's protocol where that has words for it.
import type { Socket } from 'node:net'
import type { TunnelInfo } from '../dial/index.js'
import { asTunnelError, type TunnelError } from '../errors-node.js'
import { pipe, signalScope, takeWire, type Wire, withDeadline } from '../stream/index.js'
import type { ConnectionFacts } from './events.js'
import { conversation, type Refuse } from './greet.js'
import { heldWire } from './held-wire.js'
import { type Counts, counted, localWire } from './local-socket.js'
import type { ListenerOptions, ProxyLimits, ProxyOptions, ProxyTimeouts } from './options.js'
import { requestedText } from './rules.js'

export interface ServeContext extends Pick<ProxyOptions, 'dialer'> {
  readonly limits: ProxyLimits
  readonly timeouts: ProxyTimeouts
}

export interface ServeReport {
  opened(): void
  refused(error: TunnelError): void
  closed(error: TunnelError | undefined): void
}

/** What a client's connection is made of while it lives. */
export class LocalConnection implements ConnectionFacts, Counts {
  readonly id: number
  readonly listener: string
  readonly since: number = Date.now()
  requested: string | undefined
  sent = 0
  received = 0
  info: TunnelInfo | undefined

  constructor(id: number, listener: string) {
    this.id = id
    this.listener = listener
  }
}

/** Serve a client. Never rejects: the report says how it went. Resolves when nothing of it is left. */
export async function serve(
  socket: Socket,
  listener: ListenerOptions,
  facts: LocalConnection,
  context: ServeContext,
  report: ServeReport,
  signal: AbortSignal,
): Promise<void> {
  const local = counted(localWire(socket, 'path' in listener.listen ? 'unix' : 'tcp'), facts)
  const held = heldWire(local, context.limits)
  const { greet, refuse } = conversation(listener, held)
  let tunnel: Wire | undefined
  try {
    const { target, requested, welcome } = await withDeadline(
      { signals: [signal], timeout: context.timeouts.request, phase: 'local' },
      greet,
    )
    facts.requested = requested && requestedText(requested)
    const socket = await dialWhileThere(held.lost, signal, (ending) =>
      context.dialer.connect({ ...target, signal: ending }),
    )
    facts.info = socket.info
    tunnel = socket[takeWire]()
    if (welcome !== undefined) await held.wire.write([welcome])
  } catch (thrown) {
    const error = asTunnelError(thrown)
    // Open already where the client could not be told so.
    tunnel?.destroy(error)
    report.refused(error)
    await turnAway(socket, held.wire, refuse, error, { patience: context.timeouts.refusal, signal })
    return
  }
  report.opened()
  try {
    await pipe(held.wire, tunnel, { signal })
    report.closed(undefined)
  } catch (thrown) {
    report.closed(asTunnelError(thrown))
  }
}

/** The tunnel, unless the client goes away first. */
async function dialWhileThere<T>(
  lost: Promise<TunnelError>,
  signal: AbortSignal,
  dial: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const gone = new AbortController()
  lost.then((error) => gone.abort(error))
  const ending = signalScope({ signals: [signal, gone.signal], phase: 'local' })
  try {
    return await dial(ending.signal)
  } finally {
    ending.dispose()
  }
}

/** The last words to a client without a tunnel, if it reads them. */
async function turnAway(
  socket: Socket,
  wire: Wire,
  refuse: Refuse,
  error: TunnelError,
  { patience, signal }: { readonly patience: number; readonly signal: AbortSignal },
): Promise<void> {
  const words = refuse(error)
  if (words === undefined || socket.destroyed) {
    wire.destroy(error)
    return
  }
  const gone = new Promise<void>((resolve) => {
    if (socket.destroyed) resolve()
    else socket.once('close', () => resolve())
  })
  // What it still sends is read and dropped: a reset for unread bytes would take the answer with it.
  wire.start({ data() {}, end() {}, fail() {} })
  const said = (async () => {
    await wire.write([words])
    await wire.end()
    await gone
  })().catch(() => {})
  const waiting = signalScope({ signals: [signal], timeout: patience, phase: 'local' })
  const over = new Promise<void>((resolve) => {
    if (waiting.signal.aborted) resolve()
    else waiting.signal.addEventListener('abort', () => resolve())
  })
  await Promise.race([said, over])
  waiting.dispose()
  wire.destroy()
}
