// The tunnel as the stream that npm `pg` expects, and the client on it: against a server of a few lines.
import { describe, expect, it, vi } from 'vitest'
import { cancelRequest, logIn } from '../../../worker/console/sql/database.js'
import { QueryFailed } from '../../../worker/console/sql/query-failed.js'
import { TunnelStream } from '../../../worker/console/sql/stream.js'

interface Pair {
  readonly stream: {
    readonly readable: ReadableStream<Uint8Array>
    readonly writable: WritableStream<Uint8Array>
  }
  readonly toPage: WritableStreamDefaultWriter<Uint8Array>
  readonly fromPage: ReadableStreamDefaultReader<Uint8Array>
}

function pair(): Pair {
  const down = new TransformStream<Uint8Array, Uint8Array>()
  const up = new TransformStream<Uint8Array, Uint8Array>()
  return {
    stream: { readable: down.readable, writable: up.writable },
    toPage: down.writable.getWriter(),
    fromPage: up.readable.getReader(),
  }
}

const next = (stream: TunnelStream, event: string): Promise<unknown> =>
  new Promise((resolve) => stream.once(event, resolve as never))

describe('TunnelStream', () => {
  it('carries bytes both ways, and copies what it is given', async () => {
    const { stream, toPage, fromPage } = pair()
    const socket = new TunnelStream(stream).connect()
    const ours = new Uint8Array([1, 2, 3])
    socket.write(ours)
    ours.fill(9)
    expect((await fromPage.read()).value).toEqual(Uint8Array.of(1, 2, 3))
    const data = next(socket, 'data')
    void toPage.write(Uint8Array.of(4, 5))
    expect([...((await data) as Uint8Array)]).toEqual([4, 5])
    socket.destroy()
    await next(socket, 'close')
  })

  it('waits while it is paused', async () => {
    const { stream, toPage } = pair()
    const socket = new TunnelStream(stream)
    const seen: unknown[] = []
    socket.on('data', ((chunk: Uint8Array) => seen.push(...chunk)) as never)
    socket.pause().connect()
    void toPage.write(Uint8Array.of(7))
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(seen).toEqual([])
    const data = next(socket, 'data')
    socket.resume()
    await data
    expect(seen).toEqual([7])
    socket.destroy()
  })

  it('tells of the end once: end, then close', async () => {
    const { stream, toPage } = pair()
    const socket = new TunnelStream(stream).connect()
    const said: string[] = []
    for (const event of ['end', 'close', 'error']) socket.on(event, (() => said.push(event)) as never)
    const closed = next(socket, 'close')
    await toPage.close()
    await closed
    socket.destroy()
    await Promise.resolve()
    expect(said).toEqual(['end', 'close'])
    expect(socket.writable).toBe(false)
  })

  it('tells of an error once, with what ended it', async () => {
    const { stream, toPage } = pair()
    const socket = new TunnelStream(stream).connect()
    const told = vi.fn()
    socket.on('error', told as never)
    const closed = next(socket, 'close')
    const lost = new Error('lost')
    void toPage.abort(lost).catch(() => {})
    await closed
    expect(told).toHaveBeenCalledExactlyOnceWith(lost)
  })
})

describe('logIn', () => {
  it('logs in, runs, keeps values as they are written, and gives errors their place', async () => {
    const { stream, toPage, fromPage } = pair()
    const server = serve(fromPage, toPage)
    const database = await logIn(stream, { user: 'alice', database: 'orders', password: '' }, () => {})
    expect(database.version).toBe('15.1')
    expect([...database.cancelRequest()]).toEqual([...cancelRequest(7, 99)])
    expect(await database.run('good')).toEqual([
      { columns: [{ name: 'a', type: 25 }], rows: [['x'], [null]], count: 2, command: 'SELECT 2' },
    ])
    const failed = (await database.run('bad').catch((error) => error)) as QueryFailed
    expect(failed).toBeInstanceOf(QueryFailed)
    expect(failed.problem).toMatchObject({ severity: 'ERROR', sqlstate: '42703', position: 3 })
    await database.end()
    await server
  })

  it('rejects with what the database says of the user', async () => {
    const { stream, toPage, fromPage } = pair()
    void fromPage.read().then(() => toPage.write(refusal('FATAL', '28000', 'no such role')))
    await expect(logIn(stream, { user: 'x', database: 'y', password: '' }, () => {})).rejects.toMatchObject({
      problem: { severity: 'FATAL', sqlstate: '28000' },
    })
  })
})

describe('cancelRequest', () => {
  it('is 16 bytes with the code of the protocol', () => {
    expect(Buffer.from(cancelRequest(1, -2)).toString('hex')).toBe('0000001004d2162e00000001fffffffe')
  })
})

/** Enough of PostgreSQL for one session. */
async function serve(
  from: ReadableStreamDefaultReader<Uint8Array>,
  to: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  await from.read()
  await to.write(
    Buffer.concat([
      typed('R', int(0)),
      typed('S', text('server_version'), text('15.1')),
      typed('K', int(7), int(99)),
      ready(),
    ]),
  )
  for (;;) {
    const { value, done } = await from.read()
    if (done || value === undefined || value[0] === 'X'.charCodeAt(0)) break
    const good = Buffer.from(value).includes('good')
    await to.write(
      good
        ? Buffer.concat([...rows(), ready()])
        : Buffer.concat([refusal('ERROR', '42703', 'nope', 3), ready()]),
    )
  }
  await to.close()
}

function rows(): Buffer[] {
  const field = [text('a'), int(0), short(0), int(25), short(-1), int(-1), short(0)]
  return [
    typed('T', short(1), ...field),
    typed('D', short(1), int(1), Buffer.from('x')),
    typed('D', short(1), int(-1)),
    typed('C', text('SELECT 2')),
  ]
}

function refusal(severity: string, code: string, message: string, position?: number): Buffer {
  const at = position === undefined ? [] : [Buffer.from('P'), text(String(position))]
  const fields = [
    Buffer.from('S'),
    text(severity),
    Buffer.from('C'),
    text(code),
    Buffer.from('M'),
    text(message),
    ...at,
  ]
  return typed('E', ...fields, Buffer.from([0]))
}

function ready(): Buffer {
  return typed('Z', Buffer.from('I'))
}

function typed(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type), int(body.length + 4), body])
}

function int(value: number): Buffer {
  const made = Buffer.alloc(4)
  made.writeInt32BE(value)
  return made
}

function short(value: number): Buffer {
  const made = Buffer.alloc(2)
  made.writeInt16BE(value)
  return made
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`)
}
