// What was read is held no longer: seen by what the garbage collector frees while a queue never runs empty.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { ByteQueue } from '../../../src/bytes/index.js'
import { Lane, Turns } from '../../../src/stream/lane.js'
import { Outbox } from '../../../src/stream/outbox.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const CHUNKS = 20

/** How many of the chunks made are alive, apart from the last one, which still waits. */
async function survivors(pass: (chunk: Uint8Array) => void, last = () => {}): Promise<number> {
  const made: WeakRef<Uint8Array>[] = []
  for (let i = 0; i < CHUNKS; i++) {
    const chunk = new Uint8Array(1000)
    made.push(new WeakRef(chunk))
    pass(chunk)
  }
  last()
  // A WeakRef holds its target until the job that made it is over.
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  return made.slice(0, -1).filter((one) => one.deref() !== undefined).length
}

describe('what was passed on', () => {
  it('is not held by a queue of bytes', async () => {
    const queue = new ByteQueue()
    queue.push(new Uint8Array(1))
    const alive = await survivors((chunk) => {
      queue.push(chunk)
      queue.skip(chunk.length)
    })
    expect([alive, queue.length]).toEqual([0, 1])
  })

  it('is not held by a lane', async () => {
    let left = CHUNKS
    const lane = new Lane<Uint8Array>({
      turns: new Turns(() => {}),
      gauge: { bytes: 0 },
      held: true,
      // The last of them goes on for ever, and one more waits behind it.
      call: () => (--left === 0 ? new Promise<void>(() => {}) : undefined),
      failed: () => {},
    })
    const alive = await survivors(
      (chunk) => lane.push(chunk),
      () => {
        lane.push(new Uint8Array(1))
        lane.release()
      },
    )
    expect([alive, lane.outstanding]).toEqual([0, 2])
  })

  it('is not held by an outbox', async () => {
    let room = 0
    const outbox = new Outbox({
      gauge: {
        get bytes() {
          return room-- > 0 ? 0 : 1
        },
      },
      limit: 1,
      pass: () => {},
      outstanding: () => 0,
    })
    outbox.add([new Uint8Array(1)])
    const alive = await survivors((chunk) => {
      outbox.add([chunk])
      room = 1
      outbox.pump()
    })
    expect([alive, outbox.isEmpty]).toEqual([0, false])
  })
})
