// Local proxies: several listeners over one dialer. Owns what listens and what is open, so that close() can drain it.
import { createServer, type Server, type Socket } from 'node:net'
import { failure } from '../errors-node.js'
import { isLocal, type Listening, listenAt } from './endpoint.js'
import type { ConnectionFacts, ListeningFacts, ProxyEvent } from './events.js'
import { defaultLimits, defaultTimeouts, type ListenerOptions, type ProxyOptions } from './options.js'
import { checkRule } from './rules.js'
import { LocalConnection, type ServeContext, serve } from './serve.js'

export interface LocalProxy {
  /** In the order of the options, with the ports that port 0 became. */
  readonly listening: readonly ListeningFacts[]
  /** What is open now, oldest first. */
  connections(): readonly ConnectionFacts[]
  /**
   * Stops accepting at once and waits for open connections, `drain` milliseconds at most (default 0); what is left then
   * ends with ERR_ABORTED. Never rejects. The dialer stays open: it is not ours.
   */
  close(options?: { readonly drain?: number }): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Listens at every place named; either all of them or none. Throws ERR_LOCAL_LISTEN, and ERR_CONFIG_INVALID for rules that
 * would allow everything. A place that others than this machine reach needs `exposed: true`.
 */
export async function createProxy(
  options: ProxyOptions & { readonly exposed?: boolean },
): Promise<LocalProxy> {
  const { listeners, onEvent } = options
  for (const listener of listeners) check(listener, options.exposed === true)
  const context: ServeContext = {
    dialer: options.dialer,
    limits: { ...defaultLimits, ...options.limits },
    timeouts: { ...defaultTimeouts, ...options.timeouts },
  }
  const ending = new AbortController()
  const open = new Map<LocalConnection, Promise<void>>()
  const servers: Array<{ readonly name: string; readonly listening: Listening }> = []
  let ids = 0
  let closing: Promise<void> | undefined

  // Whoever watches must not be able to end what is watched.
  const tell = (event: ProxyEvent) => {
    try {
      onEvent?.(event)
    } catch {}
  }

  function accept(socket: Socket, listener: ListenerOptions, counter: { open: number }): void {
    const facts = new LocalConnection(++ids, listener.name)
    if (counter.open >= context.limits.connections || ending.signal.aborted) {
      socket.on('error', () => {})
      socket.destroy()
      const error = failure('ERR_LOCAL_LIMIT', `${counter.open} connections`)
      tell({ type: 'refused', connection: facts, error })
      return
    }
    counter.open++
    const report = {
      opened: () => tell({ type: 'opened', connection: facts }),
      refused: (error: ReturnType<typeof failure>) => tell({ type: 'refused', connection: facts, error }),
      closed: (error: ReturnType<typeof failure> | undefined) =>
        tell({ type: 'closed', connection: facts, duration: Date.now() - facts.since, error }),
    }
    const serving = serve(socket, listener, facts, context, report, ending.signal).finally(() => {
      counter.open--
      open.delete(facts)
    })
    open.set(facts, serving)
  }

  async function listen(listener: ListenerOptions): Promise<void> {
    const counter = { open: 0 }
    const server: Server = createServer({ allowHalfOpen: true }, (socket) =>
      accept(socket, listener, counter),
    )
    const listening = await listenAt(server, listener.listen)
    server.on('error', (cause) =>
      tell({
        type: 'failing',
        listener: listener.name,
        error: failure('ERR_LOCAL_LIMIT', cause.message, { cause }),
      }),
    )
    servers.push({ name: listener.name, listening })
  }

  async function end(drain: number): Promise<void> {
    tell({ type: 'closing', connections: open.size })
    await Promise.all(servers.map(({ listening }) => listening.close()))
    const drained = Promise.all(open.values())
    if (drain > 0 && open.size > 0) {
      let timer: NodeJS.Timeout | undefined
      await Promise.race([
        drained,
        new Promise((resolve) => {
          timer = setTimeout(resolve, drain)
        }),
      ])
      clearTimeout(timer)
    }
    ending.abort(failure('ERR_ABORTED', 'the proxy was closed'))
    await Promise.all(open.values())
  }

  function close({ drain = 0 }: { readonly drain?: number } = {}): Promise<void> {
    closing ??= end(drain)
    return closing
  }

  try {
    for (const listener of listeners) await listen(listener)
  } catch (error) {
    await close()
    throw error
  }
  const listening = servers.map(({ name, listening: { host, port, path } }) => ({
    listener: name,
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(path !== undefined && { path }),
  }))
  for (const facts of listening) tell({ type: 'listening', ...facts })
  return {
    listening,
    connections: () => [...open.keys()],
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

function check(listener: ListenerOptions, exposed: boolean): void {
  if (!exposed && !isLocal(listener.listen)) {
    const { host } = listener.listen as { readonly host: string }
    throw failure('ERR_LOCAL_LISTEN', `${listener.name}: ${host} is reached from other machines`, {
      hint: 'Whoever reaches a local proxy uses your identity. Listen on 127.0.0.1, or say --expose if that is what you want.',
    })
  }
  if ('rules' in listener) for (const rule of listener.rules) checkRule(rule)
}
