// Stalled readers and writers, in every shape of tunnel: who does not read is not written to without bound, nothing is lost when
// it goes on, and an abort in the middle frees everything.
import { TunnelError } from '../../src/errors.js'
import type { Wire } from '../../src/stream/index.js'
import { sample } from '../support/traffic.js'
import { createFaultStage, type Plant, type Shape, type Stage, shapes } from './tunnel.js'

export interface Stalled {
  readonly shape: Shape
  readonly what: 'reader' | 'reader, aborted' | 'writer' | 'writer, aborted'
  /** Bytes that were taken while nobody read at the other end. */
  readonly held: number
  readonly violation: string | undefined
}

const size = 6 << 20
/** What may be under way: what both ends hold (1 MiB rising, 256 KiB unsent) and the path, a little over twice. */
const bound = 4 << 20

export interface StallOptions {
  readonly shapes?: readonly Shape[]
  /** A bug to be found. */
  readonly plant?: Plant
}

export async function runStalls(options: StallOptions = {}): Promise<Stalled[]> {
  const stage = await createFaultStage({ plant: options.plant ?? {} })
  const results: Stalled[] = []
  for (const shape of options.shapes ?? shapes)
    for (const aborted of [false, true])
      results.push(await reader(stage, shape, aborted), await writer(stage, shape, aborted))
  return results
}

/** The client does not read. */
async function reader(stage: Stage, shape: Shape, aborted: boolean): Promise<Stalled> {
  const bytes = sample(size)
  let sent = 0
  const application = (wire: Wire): void => {
    wire.start({ data: () => {}, end: () => wire.end(), fail: () => {} })
    void (async () => {
      for (; sent < size; sent += 1 << 16) await wire.write([bytes.slice(sent, sent + (1 << 16))])
      await wire.end()
    })().catch(() => {})
  }
  const abort = new AbortController()
  const { dialer, destroy } = stage.open(shape, {}, application, { signal: abort.signal })
  let violation: string | undefined
  let held = 0
  try {
    const socket = await dialer.connect()
    stage.watch(socket)
    socket.closed.catch(() => {})
    const streams = socket.readable.getReader()
    held = await settled(() => sent)
    if (held > bound) violation = `${held} bytes were taken while nobody read`
    if (aborted) abort.abort()
    let got = 0
    for (;;) {
      const { done, value } = await streams.read()
      if (done) break
      if (value.some((byte, i) => byte !== bytes[got + i])) violation ??= 'other bytes than were sent'
      got += value.length
    }
    if (aborted || got !== size) violation ??= `a clean end after ${got} bytes`
    await socket.close().catch(() => {})
  } catch (error) {
    violation ??= named(error, aborted)
  } finally {
    await dialer.close().catch(() => {})
    destroy()
  }
  return { shape, what: aborted ? 'reader, aborted' : 'reader', held, violation }
}

/** The server does not read. */
async function writer(stage: Stage, shape: Shape, aborted: boolean): Promise<Stalled> {
  const bytes = sample(size)
  let got = 0
  let right = true
  let go!: () => void
  const gone = new Promise<void>((resolve) => {
    go = resolve
  })
  const application = (wire: Wire): void => {
    wire.start({
      async data(chunk) {
        await gone
        right &&= chunk.every((byte, i) => byte === bytes[got + i])
        got += chunk.length
      },
      end: () => wire.end(),
      fail: () => {},
    })
  }
  const abort = new AbortController()
  const { dialer, destroy } = stage.open(shape, {}, application, { signal: abort.signal })
  let violation: string | undefined
  let held = 0
  try {
    const socket = await dialer.connect()
    stage.watch(socket)
    socket.closed.catch(() => {})
    const streams = socket.writable.getWriter()
    let sent = 0
    const all = (async () => {
      for (; sent < size; sent += 1 << 16) await streams.write(bytes.slice(sent, sent + (1 << 16)))
      await streams.close()
    })()
    all.catch(() => {})
    held = await settled(() => sent)
    if (held > bound) violation = `${held} bytes were taken while nobody read`
    if (aborted) abort.abort()
    else go()
    await all
    await socket.closed
    if (aborted) violation ??= 'a clean end of what was aborted'
    if (got !== size || !right) violation ??= `${got} bytes of ${size} arrived`
  } catch (error) {
    violation ??= named(error, aborted)
  } finally {
    go()
    await dialer.close().catch(() => {})
    destroy()
  }
  return { shape, what: aborted ? 'writer, aborted' : 'writer', held, violation }
}

function named(error: unknown, aborted: boolean): string | undefined {
  if (!(error instanceof TunnelError)) return `not named: ${String(error)}`
  return aborted && error.code === 'ERR_ABORTED' ? undefined : `it ended with ${error.code}`
}

/** What a count stays at: it did not move for a while of turns. */
async function settled(count: () => number): Promise<number> {
  for (let last = -1, still = 0; still < 40; ) {
    await new Promise((resolve) => setTimeout(resolve, 2))
    still = count() === last ? still + 1 : 0
    last = count()
  }
  return count()
}
