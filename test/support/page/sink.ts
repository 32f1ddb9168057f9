// A service that takes what comes only when it is told to, and knows what should come: the far end of a slow upload.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { PatternCheck } from './pattern.js'

export interface Sink {
  readonly port: number
  /** Take nothing from the next client until it is told to. */
  hold(): void
  /** Read on, with a pause of so many milliseconds after each mebibyte. */
  release(pause: number): void
  /** Resolves when the client that was held has ended: how many bytes came, and whether they were the pattern. */
  finished(): Promise<Taken>
  stop(): Promise<void>
}

export interface Taken {
  readonly bytes: number
  readonly right: boolean
}

const mebibyte = 1024 * 1024

export async function startSink(): Promise<Sink> {
  const sockets = new Set<Socket>()
  let held = deferred<number>()
  let newest = deferred<Taken>()
  held.resolve(0)
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    const { resolve } = newest
    take(socket, held.promise).then(resolve, () => resolve({ bytes: 0, right: false }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    hold() {
      held = deferred()
      newest = deferred()
    },
    release: (pause) => held.resolve(pause),
    finished: () => newest.promise,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function take(socket: Socket, held: Promise<number>): Promise<Taken> {
  const check = new PatternCheck()
  const pause = await held
  let right = true
  let mark = mebibyte
  for await (const chunk of socket) {
    right &&= check.continues(chunk)
    if (check.at < mark) continue
    mark += mebibyte
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
  return { bytes: check.at, right }
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((given) => {
    resolve = given
  })
  return { promise, resolve }
}
