// One layer on one socket to the runner: its bytes both ways, its trace, and an end that lets the runner read our alert.
import { connect as connectSocket, type Socket } from 'node:net'
import { asTunnelError, type TunnelError } from '../../src/errors.js'
import type { Layer, Sink } from '../../src/layer.js'
import type { TraceEvent } from '../../src/trace.js'

export interface RunnerConnection<Info> {
  /** Resolves when the layer opens, rejects with what failed it. */
  readonly opened: Promise<Info>
  readonly trace: readonly TraceEvent[]
  /** The next application data; undefined once the peer has ended. Rejects with what went wrong. */
  read(): Promise<Uint8Array | undefined>
  write(data: Uint8Array): Promise<void>
  /** Half-close. */
  end(): Promise<void>
  /** Keep what falls, until `release`. */
  hold(): void
  release(): void
  /** Say no more, and wait until the runner has read everything. */
  drain(): Promise<void>
}

/** Milliseconds the runner has to close its side. */
const LINGER = 2_000

export async function connectRunner(port: number, ipv6: boolean, shimId: bigint): Promise<Socket> {
  const socket = connectSocket({ port, host: ipv6 ? '::1' : '127.0.0.1', allowHalfOpen: true, noDelay: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  const id = Buffer.alloc(8)
  id.writeBigUInt64LE(shimId)
  socket.write(id)
  return socket
}

export function layerOverRunner<Info>(layer: Layer<Info>, socket: Socket): RunnerConnection<Info> {
  const trace: TraceEvent[] = []
  const arrived: Uint8Array[] = []
  let held: Uint8Array[] | undefined
  let ended = false
  let failed: TunnelError | undefined
  let wake: (() => void) | undefined
  let opening: { resolve(info: Info): void; reject(error: TunnelError): void }
  const opened = new Promise<Info>((resolve, reject) => {
    opening = { resolve, reject }
  })
  opened.catch(() => {})

  const sink: Sink<Info> = {
    down: (chunk) => void (held === undefined ? socket.write(chunk) : held.push(chunk)),
    up(chunk) {
      arrived.push(chunk)
      wake?.()
    },
    open: (info) => opening.resolve(info),
    finish() {},
    eof(cause) {
      if (cause !== undefined) return fail(cause)
      ended = true
      wake?.()
    },
    trace: (event) => void trace.push(event),
  }

  function fail(error: TunnelError): void {
    failed ??= error
    opening.reject(failed)
    wake?.()
  }

  async function run(step: () => void | Promise<void>): Promise<void> {
    if (failed !== undefined) return
    try {
      await step()
    } catch (error) {
      fail(asTunnelError(error))
    }
  }

  let writing = run(() => layer.start(sink))
  let reading = Promise.resolve()
  let down = false
  /** The wire below ended, once. */
  function below(cause?: TunnelError): void {
    if (down) return
    down = true
    reading = reading.then(() => run(() => layer.eof(cause, sink)))
  }
  socket.on('data', (chunk: Buffer) => {
    socket.pause()
    reading = reading
      .then(() => run(() => layer.receive(new Uint8Array(chunk), sink)))
      .then(() => void socket.resume())
  })
  socket.on('end', () => below())
  socket.on('error', (error) => below(asTunnelError(error, 'ERR_STREAM_RESET')))

  function enqueue(step: () => void | Promise<void>): Promise<void> {
    writing = writing.then(() => run(step))
    return writing
  }

  return {
    opened,
    trace,
    async read() {
      for (;;) {
        const chunk = arrived.shift()
        if (chunk !== undefined) return chunk
        if (failed !== undefined) throw failed
        if (ended) return undefined
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        wake = undefined
      }
    },
    async write(data) {
      await enqueue(() => layer.send(new Uint8Array(data), sink))
      if (failed !== undefined && arrived.length === 0) throw failed
      if (socket.writableNeedDrain && !socket.destroyed) await drained(socket)
    },
    end: () => enqueue(() => layer.end(sink)),
    hold() {
      held = []
    },
    release() {
      const chunks = held ?? []
      held = undefined
      for (const chunk of chunks) socket.write(chunk)
    },
    async drain() {
      if (socket.destroyed) return
      // Bytes left unread would make the kernel reset the connection, and lose the alert with it.
      socket.removeAllListeners('data')
      socket.end()
      socket.resume()
      if (!socket.readableEnded)
        await new Promise<void>((resolve) => {
          socket.once('end', resolve)
          socket.once('close', resolve)
          setTimeout(resolve, LINGER).unref()
        })
      socket.destroy()
    },
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', resolve)
    socket.once('close', resolve)
    socket.once('error', () => resolve())
  })
}
