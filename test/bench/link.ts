// What every contender looks like once it is connected, and the work that all of them do the same way. The far end is
// server.ts: the first line says what is wanted of it.
import type { Duplex } from 'node:stream'

/** A connection that carries bytes, whoever protects them. */
export interface Link {
  /** May wait: a contender without backpressure of its own says so by returning nothing. */
  write(chunk: Uint8Array): Promise<void> | undefined
  /** One listener for everything that comes. */
  listen(listener: (chunk: Uint8Array) => void): void
  /** Rejects when the connection fails. */
  readonly failed: Promise<never>
  destroy(): void
}

export interface Cost {
  /** Milliseconds. */
  readonly wall: number
  /** Milliseconds of this process, all threads. */
  readonly cpu: number
}

export async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const cpu = process.cpuUsage()
  const began = performance.now()
  await work()
  const wall = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  return { wall, cpu: (user + system) / 1000 }
}

export async function download(link: Link, bytes: number): Promise<void> {
  let left = bytes
  await until(link, (done) => {
    link.listen((chunk) => {
      left -= chunk.length
      if (left === 0) done()
    })
    return link.write(Buffer.from(`D${bytes}\n`))
  })
}

const PIECE = 64 * 1024

export async function upload(link: Link, bytes: number): Promise<void> {
  const piece = new Uint8Array(PIECE).fill(0x5a)
  await until(link, async (done) => {
    link.listen(done)
    const order = link.write(Buffer.from(`U${bytes}\n`))
    if (order !== undefined) await order
    for (let left = bytes; left > 0; left -= PIECE) {
      const wait = link.write(left < PIECE ? piece.subarray(0, left) : piece)
      if (wait !== undefined) await wait
    }
  })
}

export async function pingPong(link: Link, count: number, size: number): Promise<void> {
  const message = Buffer.alloc(size, 0x70)
  await until(link, async (done) => {
    let got = -1
    let left = count
    link.listen((chunk) => {
      got += chunk.length
      if (got < size && left !== count) return
      got = 0
      if (left-- === 0) done()
      else void link.write(message)
    })
    await link.write(Buffer.from('E\n'))
  })
}

/** One byte that the far end says by itself when its handshake is over: what it sends before it is processed by then. */
export async function greeting(link: Link): Promise<void> {
  await until(link, (done) => {
    link.listen(done)
    return undefined
  })
}

async function until(link: Link, work: (done: () => void) => Promise<void> | undefined): Promise<void> {
  await Promise.race([
    new Promise<void>((resolve, reject) => {
      Promise.resolve(work(() => resolve())).catch(reject)
    }),
    link.failed,
  ])
}

/** Any Node stream. */
export function linkOfStream(stream: Duplex): Link {
  let listener: ((chunk: Uint8Array) => void) | undefined
  const failed = new Promise<never>((_, reject) => {
    stream.on('error', reject)
    stream.on('close', () => reject(new Error('closed')))
  })
  failed.catch(() => {})
  return {
    write(chunk) {
      if (stream.write(chunk)) return undefined
      return new Promise((resolve) => stream.once('drain', resolve))
    },
    listen(given) {
      if (listener === undefined) stream.on('data', (chunk: Buffer) => listener!(chunk))
      listener = given
    },
    failed,
    destroy: () => void stream.destroy(),
  }
}
