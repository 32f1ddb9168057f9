// A clean end is one in which the wire took all that the application wrote: what it never takes ends by name, whoever ended
// first. Our own goodbye may be lost, it says nothing that anybody needs.
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { duplex } from '../../../src/duplex/index.js'
import { failure } from '../../../src/errors.js'
import { memoryPair } from '../../../src/platform/memory/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import {
  Connection,
  streamFromWire,
  tunnelSocket,
  type Wire,
  type WireEvents,
} from '../../../src/stream/index.js'
import { tlsClient } from '../../../src/tls/index.js'
import { tlsServer } from '../../conformance/far-end.js'
import { createWorld, ScriptedServer, serverName } from '../../support/tls-server/index.js'
import { bytes, clock, connected, framed, hear, slow, tick } from './toys.js'

const untaken = expect.objectContaining({ code: 'ERR_TIMEOUT', phase: 'stream' })
const never = new Promise<void>(() => {})

/** A wire that says what it is told to, and takes what `write` takes. */
function stuck(parts: Partial<Wire>): { wire: Wire; say(): WireEvents; written: Uint8Array[] } {
  let events: WireEvents | undefined
  const written: Uint8Array[] = []
  const wire: Wire = {
    start: (given) => {
      events = given
    },
    write: (chunks) => {
      written.push(...chunks)
    },
    end() {},
    destroy() {},
    ...parts,
  }
  return { wire, say: () => events!, written }
}

/** Both sides end by the layer above the wire; what the wire takes is its own affair. */
async function ended(parts: Partial<Wire>, said: string, before = true) {
  const { wire, say } = stuck(parts)
  const connection = new Connection(wire, { clock, limits: { linger: 5 } })
  await connection.push(framed())
  const top = connection.wire()
  const heard = hear(top)
  const failed = new Promise((resolve) => connection.closed.then(() => resolve(undefined), resolve))
  const writing = before && said !== '' ? top.write([bytes(said)]) : undefined
  say().data(new Uint8Array([0]))
  await heard.end
  if (!before && said !== '') top.write([bytes(said)])
  top.end()
  await writing
  return { connection, failed }
}

/** The application says something when the other side has ended, and ends; nothing takes it. */
async function isLost(connection: Connection, peerEnded: Promise<unknown>): Promise<void> {
  await peerEnded
  connection.wire().write([bytes('lost')])
  connection.wire().end()
  await expect(connection.closed).rejects.toEqual(untaken)
}

describe('what the application wrote and the wire never took', () => {
  it.each([
    ['before the peer ended', true],
    ['after it', false],
  ])('%s: the end is an error by name', async (_when, before) => {
    const { connection } = await ended({ write: () => never }, 'lost', before)
    await expect(connection.closed).rejects.toEqual(untaken)
  })

  it('is told to the application, and to an end that waits behind it', async () => {
    const { wire, say } = stuck({ write: () => never })
    const connection = new Connection(wire, { clock, limits: { linger: 5 } })
    await connection.push(framed())
    const told: string[] = []
    connection.wire().start({
      data() {},
      end: () => void told.push('end'),
      fail: (error) => void told.push(error.code),
    })
    await connection.wire().write([bytes('lost')])
    say().data(new Uint8Array([0]))
    await expect(connection.wire().end()).rejects.toEqual(untaken)
    await expect(connection.closed).rejects.toEqual(untaken)
    expect(told).toEqual(['end', 'ERR_TIMEOUT'])
  })

  it('fails a Duplex that ended', async () => {
    const { wire, say } = stuck({ write: () => never })
    const connection = new Connection(wire, { clock, limits: { linger: 5 } })
    await connection.push(framed())
    const socket = tunnelSocket(connection.wire(), undefined, { closed: connection.closed })
    const stream = duplex(socket)
    stream.resume()
    stream.end('lost')
    await tick()
    say().data(new Uint8Array([0]))
    const [error] = await once(stream, 'error')
    expect(error).toEqual(untaken)
  })

  it('lies in a wire that had taken it', async () => {
    const { connection } = await ended({ end: () => never, unsent: () => 50_000 }, 'lost')
    await expect(connection.closed).rejects.toEqual(untaken)
  })

  it('is waited for as long as the wire goes on taking it', async () => {
    const looks = [5, 5, 4, 3, 2, 1]
    let left = 6
    let took: () => void = () => {}
    const { wire, say } = stuck({
      end: () => new Promise<void>((resolve) => (took = resolve)),
      unsent: () => {
        left = looks.shift() ?? 0
        if (left <= 1) took()
        return left
      },
    })
    const connection = new Connection(wire, { clock, limits: { linger: 1 } })
    await connection.push(framed())
    const heard = hear(connection.wire())
    say().data(new Uint8Array([0]))
    await heard.end
    connection.wire().write([bytes('slowly')])
    connection.wire().end()
    await connection.closed
    expect(left).toBeLessThanOrEqual(1)
  })

  it('in a memory path of one byte', async () => {
    const { connection, far } = connected({ capacity: 1 }, { limits: { linger: 5 } })
    await connection.push(framed())
    const heard = hear(connection.wire())
    far.write([new Uint8Array([0])])
    await isLost(connection, heard.end)
  })

  it('behind slow layers', async () => {
    const { wire, say } = stuck({ write: () => never })
    const connection = new Connection(wire, { clock, limits: { linger: 5 } })
    await connection.push(slow())
    await connection.push(framed())
    const heard = hear(connection.wire())
    say().data(new Uint8Array([0]))
    await isLost(connection, heard.end)
  })

  it('behind a layer that finished by itself', async () => {
    const { wire, say } = stuck({ write: () => never })
    const connection = new Connection(wire, { clock, limits: { linger: 5 } })
    await connection.push({
      ...framed(),
      receive(_chunk, sink) {
        sink.eof()
        sink.finish()
      },
    })
    const heard = hear(connection.wire())
    const accepted = connection.wire().write([bytes('lost')])
    say().data(bytes('x'))
    await heard.end
    await accepted
    await expect(connection.closed).rejects.toEqual(untaken)
  })

  it('is no clean end for who destroys it without a reason either', async () => {
    const { connection, failed } = await ended({ write: () => never }, 'lost')
    connection.destroy()
    expect(await failed).toMatchObject({ code: 'ERR_ABORTED' })
  })

  it('through real TLS', async () => {
    const world = await createWorld(nodeCrypto)
    const { chain, signer } = await world.server()
    const [near, far] = memoryPair()
    let blocked = false
    const path: Wire = { ...near, write: (chunks) => (blocked ? never : near.write(chunks)) }
    const options = { clock, limits: { linger: 5 } }
    const client = new Connection(path, options)
    const server = new Connection(far, options)
    const opening = server.push(tlsServer(new ScriptedServer({ crypto: nodeCrypto, chain, signer })))
    const trust = world.authority.certificate
    await client.push(tlsClient({ crypto: nodeCrypto, now: Date.now, serverName, trust }))
    await opening
    hear(server.wire())
    const heard = hear(client.wire())
    blocked = true
    server.wire().end()
    expect(await heard.end).toBeUndefined()
    await client.wire().write([bytes('never taken')])
    await expect(client.wire().end()).rejects.toEqual(untaken)
    await expect(client.closed).rejects.toEqual(untaken)
    server.destroy()
    await server.closed.catch(() => {})
  })
})

it('a stream of which a write failed can be finished: nobody looks for that write for ever', async () => {
  const { wire } = stuck({ write: () => Promise.reject(failure('ERR_STREAM_RESET')) })
  const stream = streamFromWire(wire)
  const writer = stream.writable.getWriter()
  writer.closed.catch(() => {})
  await expect(writer.write(bytes('lost'))).rejects.toMatchObject({ code: 'ERR_STREAM_RESET' })
  await stream.finish()
})

describe('our goodbye alone', () => {
  it.each([
    ['never said anything', ''],
    ['said something before that was taken', 'taken'],
  ])('may stay on its way: the application %s', async (_what, said) => {
    let writes = 0
    const allowed = said === '' ? 0 : 1
    const { connection } = await ended(
      {
        write: () => (writes++ < allowed ? undefined : never),
        end: () => never,
      },
      said,
    )
    await connection.closed
  })
})
